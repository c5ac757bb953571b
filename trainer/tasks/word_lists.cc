// English words for synthetic tasks: those that WordNet 3.0's tagged texts use most, of 3 to 10 letters, each
// in one list. Taken from the index files of Debian's wordnet-base 1:3.0-37.
//
// WordNet 3.0 Copyright 2006 by Princeton University. All rights reserved. Permission to use, copy, modify
// and distribute this software and database and its documentation for any purpose and without fee or royalty
// is hereby granted, provided that you agree to comply with the following copyright notice and statements,
// including the disclaimer, and that the same appear on ALL copies of the software, database and
// documentation, including modifications that you make for internal use or for distribution. THIS SOFTWARE
// AND DATABASE IS PROVIDED "AS IS" AND PRINCETON UNIVERSITY MAKES NO REPRESENTATIONS OR WARRANTIES, EXPRESS
// OR IMPLIED. BY WAY OF EXAMPLE, BUT NOT LIMITATION, PRINCETON UNIVERSITY MAKES NO REPRESENTATIONS OR
// WARRANTIES OF MERCHANTABILITY OR FITNESS FOR ANY PARTICULAR PURPOSE OR THAT THE USE OF THE LICENSED
// SOFTWARE, DATABASE OR DOCUMENTATION WILL NOT INFRINGE ANY THIRD PARTY PATENTS, COPYRIGHTS, TRADEMARKS OR
// OTHER RIGHTS. The name of Princeton University or Princeton may not be used in advertising or publicity
// pertaining to distribution of the software and/or database. Title to copyright in this software, database
// and any associated documentation shall at all times remain with Princeton University and LICENSEE agrees to
// preserve same.
#include "trainer/tasks/word_lists.h"

namespace ropeway {
namespace {

constexpr std::string_view kAdjectives = R"(
abandoned abashed abdominal aberrant abhorrent abiding abject ablated ablaze able abnormal abominable
abounding above abroad abrupt absent absolute absorbed absorptive abstract absurd abundant abused academic
acceptable accepted accepting accrued accurate accusative accusing accustomed aching acid acoustical
acquainted acquired acrobatic acting activated active actual acute adamant adaptable adapted addicted
addressed adept adequate adjacent adjectival adjusted admirable admissible adolescent adopted adrenal adult
advanced adverbial adverse advertised advisable aegean aerated aerobic aesthetic affected afferent
affiliated affixed afflicted afire aflame aflare afloat aforesaid afraid african agape aged aggregate
aggressive aghast agile agitated ahead ahorseback alien alive all alleged alone alternate amazing ambiguous
ambitious american amiable ample analytic ancient angry angular anonymous antique antiseptic apparent
appealing appointed arched aroused artificial artistic assured athletic atomic attractive authentic
automatic average awed awful awkward back bad baked bald bare base based basic battered better big bitter
black blank blatant bleak blessed blind blistering blithe blue blunt bold bored bound brave breathless brief
bright brilliant brisk broad broken brushed bulging buoyant busy capable careful careless casual celestial
central cerebral certain changed chaotic charged charitable cheap chemical childlike christian churning
civil classical clean clear clerical clever clinical close closed clouded clumsy coarse coastal coherent
cold colored colorful comforting comic commercial common communal comparable competent complete compressed
concealed concerned confirmed confused confusing connected conscious constant continuous contrary convinced
convulsive cool corporate correct costly crazy creative credible criminal crimson critical cross crucial
crude crushed cultural curious customary cut cute dainty damned dangerous dark dazed dead deadened deadly
dear decent decisive deep defective defensive definite deliberate delicate democratic dense dependable
dependent desired desperate destroyed detached detectable different dignified dim diplomatic direct dirty
disordered disorderly distant distinct disturbed diverse divine dizzy domestic dotted double doubtful down
downward drab dramatic drawn dreadful dried dry dubious due dull dusky early earthy eastern easy eccentric
economic economical effective efficient elaborate elastic elfin elongated elusive emotional empty endless
energetic engaged engrossed entangled entire epic essential eternal ethical even every evident evil exact
excited exciting existing explosive exposed expressed extended extensive external extraneous extreme faded
faint fair faithful false familiar fantastic far farther fat fatal favorable favorite fearful featured
federal female feminine fertile fictional fierce fiery final fine finished firm first fit fitting fixed
flashy flat fledgling flexible flushed following fond forced foreign foremost formal former formidable
fortunate foul fragile frantic free frequent fresh friendly frightened frightful frigid fringed frozen full
functional funny furious futile future fuzzy gaudy gay general generous gentle genuine geometric given glad
glaring glassy gold golden gone good grand graphic grave gray great gregarious grim gross grotesque gruff
guilty haggard half halfway handsome handy happy hard harmonious harsh hateful headed healthy heated heavy
hellenic helpless herculean heroic hideous high higher historical hollow home homely honest hooked hopeful
hostile hot human humble hungry husky hysterical icy ideal identical idle ignorant ill illiterate immediate
immoral impatient imperfect impersonal important impossible improved impudent inactive inaugural incapable
indecent indian indirect individual indulgent industrial inept inert inevitable inexorable infectious
inferior infernal inflamed informal inhuman inner innocent insane inside insistent insolent intact integral
interested internal intimate involved ironical irregular isolated isotonic jaded jaunty jealous joint jolted
juicy junior lanky large last lasting late latent lazy leaden leading learned left legal legitimate level
liable liberal lifeless lifelike light lighted like likely limited linear lined linguistic liquid literal
little livid living loaded loathsome local lofty logical lone lonely long loose lost loud lousy lovely low
lowly lucky lukewarm lurid lusty lyric mad made magnetic majestic major marginal marked marvelous masculine
matching material mature mean measurable mechanical medical medieval mental mere merry middle militant
military mindless minor miserable mistaken mixed moderate modern modest modified monstrous more mortal most
mounted moving muddy muffled muscular musical mysterious narrow nasal national native natural neat necessary
negative neglected nervous net neurotic neutral new newborn next nice noble nominal normal northern notable
noticeable nuclear numerical obscure occasional occluded odd off official oily old older one open opened
opposite optical ordinary organized original orthodox other out outdoor outer outside overall paid painful
painted pale pallid partial particular passive past pastel pasty pathetic peaked peculiar perceptive
peripheral persistent personal pertinent physical pictorial pinched placid plain pleasant pleased plentiful
poetic poignant polar polite political ponderous poor popular portentous positive possessive possible potent
potential powdery powerful practical precarious precious precise pregnant prepared prescribed present
preserved pretty previous primary prime primitive probable productive profound prominent promising prone
proper prosperous protective proud provincial public pure puzzling quaint qualified quick quiet racial
radial radical ragged raised rare rational raucous raw ready real realistic reasonable rebellious recent red
reduced refined regional regular related relative relentless reliable religious reluctant remarkable remote
required resident restless restrained restricted rich ridiculous right rigid rigorous riotous ripe roman
romantic rosy rough round roundabout royal rude ruffled running rural rustic rusty sacred safe salacious
same savage scarred scented scholastic scientific secondhand secret secure segmental senior senseless
sensitive sensory separate separated serious set settled several severe sharp sheer short shut sick silent
silly silver silvery similar simple singular sinister skeptical slashed slender sloping slow small smart
smooth sober social soft solid solitary some sore sorry sound southern sovereign spare special specific
spectral speedy spherical spiritual sporting spread squat stable stained standard standing starting stern
sticky stiff still stormy stout straight strained strange strategic stretched stricken strict strong
structural stuffy stupid suave subdued sublime suffering suited sullen sultry super superior supposed
supreme sure suspicious sweet symbolic tangible tangled taut technical tender terrible terrific tested
theatrical thick thin thorough thoughtful thundering tied tight timbered timely tolerant tonal torn total
tough tragic traveled tremendous triumphant tropical troubled true truthful turbulent twofold typical
ultimate unable unaffected unbroken uncertain unchanged undaunted under understood undue uneven unhappy
unholy uniform unique unknown unlikely unlined unorthodox unstable unstained untouched unusual upper upright
upset upward urban used usual utmost vacant vague vain valuable variable various venerable verbal veritable
very vicious vigorous vindictive violent virile visible vivid vocal wandering warm wasted watery wavy weak
well western white wicked wide widespread wild winding wise woolly working worn worth worthy wrapped
wretched wrong yellow young zero
)";
constexpr std::string_view kNouns = R"(
abandon abasement abbey abbot abdomen aberration ability abjection ablation abode abolition aborigine
abortion abreaction abridgment abruptness abscess abscissa absence absorbency absorption abstention
absurdity abundance abuse abyss academy acapulco accent accenting acceptance access accessory accident
accomplice accordance account accountant accounting accretion accuracy accusation acetone acetonemia ache
acidity acolyte acre acreage acres acrobatics action activism activity actor actress actuality adam
adaptation addition additive address adenoma adequacy adherence adherent adhesive adieu adios adjective
adjunct adjustment admiration admirer admission admonition adonis adoption adroitness adulterer adulthood
advance advantage advent adventure adventurer adverb adversary adversity advice advisor advocacy advocate
aegis aeon aeration aerator aerial aerosol aeschylus affair affairs affect affection affidavit affinity
affluence affront afghan africa afternoon agate agency agenda agent agglutinin aggression aggressor
agitation agony agreement ague aide ailment aircraft airflow airframe airplane airport airs airspeed airway
aisle alabama alabaman alabamian alabaster alarm alaska albany album albumin alcohol alderman alerting
alertness algae alibi alienation alignment aliquot alkali allegation allegiance allegory alley alleyway
alligator allocation allotment allowance allusion ally aloes aloneness aloofness alpha alteration altitude
altruism aluminum alundum alveolus amateur amazement ambassador amber ambiance ambiguity ambition ambulance
ambuscade ambush amendment america americana amity ammo ammoniac ammunition amorist amount amplifier
amplitude amsterdam amulet amusement anabaptist anaconda analogue analogy analysis analyst analyzer
anarchist anarchy anatomical anatomy ancestor ancestry anchor andrena anecdote anemia angel anger angle
anglican angst anguish animal animosity anion anionic ankle annoyance anode anomie anonymity anorexia answer
antagonist antares anteater antecedent antelope antenna anterior anthill antibody antigen antipathy
antiquity antiserum antithesis anvil anxiety aorta apache apartment aperture apex aplomb apogee apologia
apologist apology apothecary appalling apparatus apparition appeal appearance appendix appetite applause
apple applejack applicant applicator appointee appraisal appraiser apprentice approach approval april apron
aptitude arch archangel archbishop architect archives arctic ardor area areaway arena argon argot argument
arianism arianist aridity aristotle arithmetic arizona arkansas armadillo armament armchair armful armoire
armor armpit arms army aroma arousal array arrest arrival arrogance arrow arroyo arsenic arteriole artery
arthritis article artifact artifice artillery artisan artist artistry arts ascendancy asia aspect asphalt
aspirant aspiration aspirin assassin assault assay assemblage assembly assent assertion assessment assessor
asset assiduity assignee assigning assignment assist assistance assistant associate assortment assumption
assurance assyrian asterisk astronomy asymmetry asynchrony athabascan atheist athens athlete athletics
atlanta atlantic atmosphere atom atrophy attachment attack attacker attainment attempt attendance attendant
attention attic attica attire attitude attorney attraction attribute audacity audience audit auditorium
august aunt aureomycin austerity austin australia author authority authorship auto autoloader automation
automobile autonomy autopsy autumn auxiliary avail avarice avenue aversion aviary aviation avocado avoidance
awakening award awarding awareness awfulness axiom axis axle azimuth babe baby babylonian bachelor backbend
backbone backdrop backer background backing backlog backstage backwoods backyard bacon bacteria badge
badness baffled baggage bagpipe bait balance bale bali balinese balkiness ball ballad ballast ballerina
ballet balloon ballot ballpark ballplayer ballroom ballyhoo balsam baltimore balustrade balzac banana band
bandage bandit bandoleer bandstand bandwidth bang banging banister banjo bank banker bankruptcy banner
banquet banshee banter baptist barb barbarian barbell barbital bargain bargaining barge barium bark barkeep
barley barn barnburner barnful barnyard barony barrack barrage barrel barricade barrier bartender baseball
baseline basement bash basileus basin basis basket basketball bass bassinet bastard bastion batch bath
bather bathing bathos bathrobe bathroom bathtub baton battalion batter battery batting battle batwing
bavaria bawdyhouse bayonet bazaar beach beachhead beacon bead beadle beadsman beak beam bean bear beard
bearer bearing beast beat beating beatnik beau beauty bedding bedground bedpost bedroom bedside bedstead
bedtime beebread beech beef beehive beer beetle beggar beggary beginner beginning behalf behavior behind
being belch belching belfry belief believer bell belle bellhop bellow belly belshazzar belt bench bend
benefit bennington bent bequest berg berlin bern berry berth beryllium besieger best bestowal beta betrayal
betterment beverage bevy bias bible biceps bickering bicycle bidder bidding bile bill billion binder binding
binoculars binomial bioassay biography biologist biology biopsy bird birdbath birdhouse birmingham birth
birthday birthplace birthright biscuit bishop bishopry bite biter bitterness bitters bivouac blackberry
blackboard blackening blackness blackout blacksmith blade blame blandness blanket blare blaring blasphemy
blast blatancy blaze bleach bleachers bleat bleb blemish blend blending blessing blight blindness blinker
blizzard bloat blob bloc block blockade bloke blonde blood bloodhound bloodshed bloom blooming blossom blot
blotch blow blower blowfish blowing bludgeon bluefish blues bluff blunder blur bluster board boarding boast
boat boater boating boatload boatswain bobbysoxer bodice body bodyguard bogey bogy boiler boiling boldness
bolo bolshevik bolster bolt bomb bombast bombay bomber bombing bombproof bombus bond bondsman bone bonemeal
bonfire bonn bonnet bonus booby book bookcase booker booking bookshelf boom boon boost boot booth bootlegger
booty booze borate border boredom borough borrower borrowing bosom boss boston bottle bottleneck bottom
bottomland boucle bough boulder boulevard bounce bouncing boundary bounds bouquet bourbon bout bower bowl
bowlder bowstring boxcar boxer boyhood brace bracing brad braid brain brake brakes bramble branch brand
brandy brass brassica bravado bravery brazenness brazil breach bread breadth break breakable breakaway
breakdown breakfast breaking breakup breakwater breastwork breath breathing breeches breed breeding breeze
brevity bribe briber brick bricklayer bride bridegroom bridge bridgehead bridle briefcase briefing brier
brig brigade brigadier brightness brilliance brilliancy brim bringing brink bristle britain british
broadcast broadening broadside broadway broiler broker brokerage bronc bronchiole bronchus bronze brood
brooding brook brooklyn broom brothel brother brow brown bruise brush brushing brutality brute bubble buck
buckboard bucket buckle buckskin buddha buddhist buddy budget buff buffalo buffer buffet buffoon buggy bugle
bugler build builder building buildup bulb bulgaria bulge bulk bull bullet bullethead bulletin bully
bullyboy bumblebee bunch bundle bunk bunker bunkmate bunt bunter burden bureau burglar burglary burial burma
burn burner burning burr burrow bursitis burst busboy bush bushel business bustle butler butt butter
butterfat buttocks button buyer buying buzz bygone bypass cabana cabbage cabin cabinet cable cache cadaver
cadence cadenza cadre caesar cafe cafeteria cage cake calamity calcium calculus calendar calf caliber
calibre california caliph call caller calm calmness calumny calving cambodia cambridge camera camp campaign
camper campfire camping campmate campus canada cancer candidacy candidate candle candlewick candour candy
cane caning cannon canon cant canteen canter cantilever cantle canvas canyon canyonside capability capacitor
capacity cape capillary capital capitalism capitalist capstan capsule captain captive captivity captor
capture carabao caravan carbine carbon carbonate carcass card cardboard cardinal cardroom cards care career
careerism caress caretaker cargo caribbean carload carnival carpenter carpentry carpet carping carriage
carrier carry cart cartilage carton cartoon cartoonist cartridge cartwheel carving case cash cashmere casino
cassite cast castanets castle catalog catalogue catcall catch catcher catching category caterer catharsis
cathedral catheter cathode catholic catkin cattle cattleman cause caution cautious cavalcade cavalry
cavalryman cave caveat caveman cavern cavity ceiling celebrant celebrity celerity cell cellar cellulose
cement cemetery censorship censure census cent centennial center centering centimeter centrifuge century
cerebellum ceremony certainty certiorari certitude ceylon chagrin chain chair chairman chaise challenge
chamber champ champagne champion chance chancel chandelier change channel chaos chap chapel chapter
character charcoal charge charger chariot charisma charity charlatan charleston charm charnel chart charter
chase chastity chatter chattering check checkbook checklist checkout checkup cheek cheekbone cheer cheering
cheese chela chemist chemistry cherokee chest cheyenne chicago chick chicken chief chieftain chignon child
childhood chill chimney chin china chinese chip chisel chivalry choice chord chorus christmas church chute
circle circuit circus city claim clarity clash class classic clause claw clerk client climate climax clip
clod closet cloud clown club clue clump clutch coat coconut code coldness collapse colleague collection
collector colony color colt column comb combat comedy comfort coming command commander comment commission
commitment committee commotion commune communion communism communist community commuter companion company
comparison compass compassion complaint complement completion complex component compound compromise
compulsion conception concern concession conclusion concussion condition conduct conductor conference
confession confidence conflict conformity confusion congestion congress connection conquest conscience
consonant conspiracy contact contempt content contention contest context continent contortion contour
contract contrast control convention conversion conveyor conviction cooling coolness copy core corn corner
corps correction cortex cost costume cotton counselor count counter country coup couple coupon course court
cover coverage crack cracking cradle craft craftsman crash creation creator creature credit creed crest crew
crime crisis criterion critic criticism crook crossroads crow crowd crown crudity cruelty crusade crutch
crystal cube cult culture currency current curse curtain curve cuss custom cutting cycle damage dance danger
daring darkness dash date dawn daylight deal dealer death debate debt decay decency decision deck decline
decorator deduction defeat defect defense defiance deficiency definition degree delay delicacy demand
democracy democrat denial density departure deposit depravity depression depth deputy derivation descent
design designer desire despair destiny detachment detail detection detective detergent deviation device
devil devotion dialectic dialogue diameter diamond diaphragm dictate difference difficulty diffusion dignity
dilution dimension dinner diplomacy direction director dirt disaster disc discharge discipline discovery
discretion discussion dish disk dislike dismay dispatch display disposal disregard dissection dissent
distance distortion distress dive diversion divinity division doctor document dodge dollar domain dominance
domination donation door dose doubt dough draft drafting drama draught drawing dream dress drift drink
drinking drive drone drop drought drum duel duration dust duty earnings earth east economy ecstasy edge
edition education effect efficiency effort elation elbow election element elevation emanation emblem embrace
emergence emergency emphasis empire employment enclosure encounter endeavor ending enemy energy engagement
engine english enjoyment enterprise enthusiasm entrance entry envelope episode equality error escape escort
essay estate estimate eternity evacuation evaluation event evidence example exception excess exchange
excitement execution executive exercise exhibition existence expanse expectancy expedition expense
experience experiment explosion exposure expression extension extent exterior fabric face fact factor
faculty failure faith fall falsity family fancy fantasy fashion fate father fault favor fear feast feature
feedback feeding feel feeling fellow fellowship fever field fiend fight fighter figure file filling film
filter finding fire firing firmness fish fitness flag flair flare flash flavor flesh flight flock flood
floor florist flow flower flowering fluid flurry flush flux foam focus fold foliage folk folly fool foot
football footstep force forerunner forest fork form formation formula fort fortune foundation founder
fraction fragment frame framework fraternity fraud freedom freight french frequency freshman freshness
friend fringe front frost fruit fullness function fund fury gage gain game gang garden gassing gate
gathering generation generator genius genus georgia german gesture ghoul giant gift girl girlfriend glare
glass gleam gleaming glimpse gloom glory glow goal gospel gossip government grace grade grain grandeur
granite grant gravity greek green grievance grinding grip groove ground grounds group grouping grove growth
grub grumbling guarantee guard guess guidance guide guilt gulf habit hall halt hammer hand handful handicap
handling hands happiness hardship hardtack harm harmony harness haste haunch hawaii hazard haze head
headache heap hearing heart hearth heat heel height helm help helper herb herd heritage hero hesitation hide
hierarchy hill hint history hive hold hole holiday hollyhock homer honey honor honour hoop hope horizon horn
horror horse host hostess hound hour hours house hulk humanism humanity humility humming humor hunger
hunting hurry hurt hypocrisy hypothesis hysteria iceland idea identity ideology idiom idol illusion image
imitation immediacy impact impatience import importance impression impulse impurity incentive inch
incitement incline increase index indicator indictment induction industry inflection infliction influence
ingredient inhibition initiation initiative injury inmate innovation inquiry insight instance instant
instrument insurance integrity intellect intensity intent intention interest interval interview intrusion
intuition invasion invention inventory investment ireland iron irony irritation island isolation issue
italian item ivory jacket japan japanese java jelly jerk joke jolt journal judge judgment jury justice
keeping keynote kick kickoff king kingdom kinship knee knife knob knock knot label labor lady lamp land
landing landmark landscape landslide lane language lapse laugh laurels layer layout lead leadership league
leap learning lease leave lecturer ledger leisure lemon length lesson lethargy letter liaison liberalism
liberty library license lieutenant life lighting lightning limit limitation line linen link liquor list
literature litter liver load loading location lock loft logic loneliness look loon loophole loot lord loss
love lover loyalty luck lump lust luster luxury machine machinery magazine magnitude mail majority malady
male management manager manchester manner manzanita maple marble march margin mark market marking marriage
mask mass master mastery match mate matter maturation maturity maximum meaning means measure mechanic
mechanics mechanism medicine medium meeting melody member membership memory menace mentality mention mercy
merit merriment mess message meter mile milestone milk mind mine miniature ministry minority minute miracle
mirror misfortune misgiving miss missile mission missouri mistake mixture model modesty modulation mold
moment momentum money monopoly monster month mood moon morale morality morning morocco morsel mortar motif
motion mound mount mouth mouthpiece move movement murmur muscle music musician muzzle nail name nation
nature navy necessity need needle neglect nerve nerves nest network newcomer news newspaper niche nickel
night nightmare nobility noise norm north northeast northerner nose note notice notion noun novelty nucleus
number nurse nymph oath object objection obligation obscurity observer obstacle occasion occupation
occurrence odor offense offer office officer offspring omission onrush onslaught opening operation operator
opinion opponent opposition orange orbit orchestra order ordering organ orgy origin outburst outcome outfit
outlet outline outlook outpost output outrage overture owner ownership pace pacing pack package packing pain
painting pair palace palette pamphlet panic paper parade paradigm parallel parameter parcel park parking
parlor part particle partner party pass passage passageway passing passion pasture patch path pathway patrol
pattern pause pavement payment peace peacock peak pearl peasant penalty penance penny pentagon people
percentage perception percussion perfume period permission permit person phalanx phantom pharmacy phase
phenomenon philosophy phrase picket pickup picnic picture picturing piece pile pill pine pinpoint pioneer
pipe pirate pitch pitcher pitching pity place placement plan plane planet planning plant plaque plate
platform platoon play player playing pleasure plenty plot plumbing pocket poetry point poison polarity pole
policy polish politician politics pony pool population pore port porter portion portrait portrayal position
possession post posture potency pottery pound pounding powder power practice prayer preaching precaution
precedent preference presence president press pressure pretence prey price pride priest principal principle
print printing privacy privilege privy prize problem procedure process producer product production
profession profile profit profundity program progress project projection prominence promise promotion proof
property prophecy prophet proportion proposal prospect prosperity protection protest protestant providence
province provision psyche publisher pull pulp pulse pupil purchase purity purpose purse pursuit push quality
quantity quarter queen question quietness quill quotation race racket radiance radiation radio radius rage
rail railway rain rally range rank ransom rate rating ration reach reaction reactivity reader readiness
reading realism reality rear rearing reason rebel rebellion receipt receiver reception recital record
recording recovery recruit reduction redundancy reference refinement reflection reflector reform refund
refusal regard regime region register regularity regulation rejection relation release reliance relief
religion remedy reminder rendering rendezvous renewal rent repair repetition reply report repository
reproach republican repulsion reputation request research reserve reservoir residence residue resistance
resolution resonance resource respect respite response rest restraint result retention retirement return
reunion revelation reverie reverse review revision revolution reward rhyme rhythm rice richness rider
rifleman rigger ring ringing ripple rise risk rite ritual road roar robe rock rocket role roll romance rome
roof room root roughness roundhouse route routine royalty ruin rule ruler runner rush rushing russia russian
rustling sacrifice safety sage sail sailing sailor saint sale saloon salt salvation salve salvo sample
sanction sanitation sardine sash saturation saving scale scandal scar scene scenery scent schedule scheme
scholar school science score scorn scouring scraping scream screech screen scrimmage scrutiny sculpture seal
search season seat second secrecy secretary secretion section sector security seed seizure selection self
senate sensation sense sentence sentiment separation sept sequence serenity sergeant series service session
setting settlement setup sewer shade shading shadow shaft shame shape share shaving sheath sheep sheet shell
shelter shenanigan shepherd shibboleth shield shielding shift shipment shit shock shooting shop shortage
shot shouting show shower showing shriek shrubbery shunt shutter side sight sign signal signature silence
silk simplicity sincerity sinking site sitting situation sixties size sketch skill skin skirt slant
slaughter slavery sleep slice slide slip slit slope slot slowness smell smoke snarl snow society soil
solution song sorrow sort soul source south southeast southwest space spacing spade span spanish spark
spatter speaker specialist species specimen speck spectacle spectator specter spectrum speech speed spell
sphere spike spirit splendor sport spot spray spring spur squad squadron square squatting squire staff stage
stain staining stake stall stamp stand star start starvation state statement status steel stem step steps
stick stiffness stillness stimulant stock stocking stoic stoicism stomach stone stop storage store storm
story stove strain strand straw streak stream street strength stress stretch stride strife strike string
strip stroke structure struggle student study stuff stump stupidity stupor style subject submission
substance subtlety success succession successor suggestion suit suite supplement supply support surface
surge surprise surrender survey survivor suspense suspicion swallow swarm sweetheart swell swing switch
symbol symbolism symmetry sympathy symphony symptom syndicate syntax synthesis system table tableau tail
tale talent talk tangle tank tape target task taste teacher teaching team tear technique technology
telephone television temper temple tempo tendency tenor tension term terminal terms territory terror test
testament testimony testing texture thanks thaw theater theatre theme theology theory thing thinness third
thirst thought threat threshold thrill throat throw thrust thunder tick tide tidewater tiger timber time
times tissue title today toilet tolerance toll tomorrow tone tongue tool tooth topic torment torrent toss
touch tour tower town trace track tract trade trademark tradition traffic tragedy trail train trance
transfer transition transport trap travel treasure treasury treatment tremor trend trial trick trim trio
triumph troop trooper trouble trough trunk trust trustee truth tube tumbler turkey turmoil turn turning
twenties twilight twist type typography uncle union unit unity university uproar urge urgency urging usage
user utility vacancy validity value valve vapor variation variety vehicle vein vent venture venus verb verge
verse version vessel veteran victim video view village villain violation violence violet virtue visage
vision visit vitality vocabulary voice volley voltage volume volunteer vote voyage wagon wait walk wall want
ward wardrobe warfare warmth warning wash washington waste watch water watercolor wattle wave wavelength
weakness wealth weapon wedding week weight welfare west wheel whistling wildcat wildness will wind window
wine wing wire wisdom wish witch withdrawal witness woman wonder wood word words work worker works workshop
world worm worry wound wrestling wretch writer writing yard year years yell yield youth zeal
)";
constexpr std::string_view kVerbs = R"(
abide absorb abstain accelerate accept accompany accomplish accord accumulate acquaint acquire act activate
adapt add adhere adjust administer admire admit adopt advise affirm affix afford age aggravate agitate agree
aid aim align alleviate allot allow alter amaze amend amuse analyze announce anticipate appear appease
applaud apply appoint appreciate apprehend approve argue arise arm arouse arraign arrange articulate
ascertain ask assemble assert assign assimilate assume assure attach attain attend attest attract augment
avert avoid awaken babble bake ban banish bar bask bat bathe beckon become beg begin beguile behave belabor
believe belong beset besmirch bestow bethink betray bewilder bid bind bleed bless blink boil bore borrow
bother bow brandish breathe bring broaden broil bud bump bury buy cackle calculate can carve catapult cease
celebrate certify chant cheat choke choose circulate cite clamor clamp clap clench click climb cling clothe
cluster coach coalesce cock coincide collect combine come commence commend commit commute compare compensate
compile complicate compliment compose comprehend compress comprise conceal concede conceive conclude concur
condemn condense confess confide confine confirm conform confront confuse connect conquer consider consign
conspire constitute construct consult consume consummate contain contend continue contradict contribute
contrive convert convey convulse cook coordinate correspond counteract crackle crawl create creep cringe
crouch crucify cruise crush cry cuddle culminate cultivate curb cure curl dab dampen dangle dare dart debut
deceive decide declare decrease deduce deduct deepen defend defer define defy delegate delight deliver
denote denounce deny depart depict depress deprive derive descend describe desert designate destine destroy
detach determine develop deviate devise devote diagnose die differ diffuse dig digest diminish din dip
disapprove disband disclose disconnect discourage discover discuss disdain dismiss disperse dispose dispute
disrupt dissipate dissolve distill distort distribute disturb divert divide divorce dominate drag drain
dramatize drape draw drill drown dub duck dump dwell earn ease eat echo eclipse educate eject elect elevate
elicit eliminate elude emancipate embark embody emerge emit emphasize employ enact enclose encourage end
endanger endorse endow endure enforce engage engulf enhance enjoin enjoy enlarge enlist enliven ensure
entail enter entertain entitle enunciate envision equal equate equip erode err erupt establish evacuate
evade evoke evolve exaggerate exalt examine exceed except excite exclaim exclude excuse execute exemplify
exert exhaust exhibit exist expand expect expend expire explain explode exploit explore expose express
extend extract fade fail falter fan fascinate fasten feed fill find finger finish fix flap flatten flick
fling flip float flop flounder flourish flutter fly foil follow forbid forecast foreclose foresee forge
forget forgive formulate found freeze fret frighten fry fulfil fulfill fumble furnish further fuse fuss
gallop gather generate get give glance glaze glint glorify glue gnaw goad gobble gouge govern grab graduate
grapple grasp graze greet grind groom grope grow grumble gull gulp gush hail hamper handle hang happen
harbor hasten hatch haul haunt have heal hear heave heighten herald hesitate hinder hire hit hitch hobble
holler hook hop hover huddle hug hunt hurl hurtle hush hustle identify ignite ignore illuminate illustrate
imagine imitate immerse impair impart impede implement imply impose impress imprison improve incite include
incubate indicate induce indulge infect infer infiltrate inflate inform ingest inhabit inhibit initiate
inject inquire insert insist inspect inspire install institute instruct insulate insure integrate intend
intensify interfere interpose interpret interrupt intimidate intone introduce intrude invade invent invest
invite invoke involve irritate isolate itch jab jam jar jaw jeopardize join jump justify keep kid knit know
lam lap launch lay lean learn lecture lend lessen let liberate lick lie lift limp linger listen live locate
lodge log loom loop lose lower lull lurch lurk magnify maintain make manage manipulate map marry marshal
marvel masquerade massage maximize meet melt mend merge mesh mill mingle minimize mislead misplace mix
mobilize modernize modify monopolize mourn multiply muster mutter nab nag neutralize nip nod nourish oblige
obliterate observe obstruct obtain occupy occur officiate offset operate oppose ordain organize orient
originate outweigh overcome overhaul overlap overload overlook overpower overreach overshoot overtake
overturn overwhelm owe paint pan pant paralyze pardon pat patronize paw pay peck pelt penetrate pepper
perceive perform persist personify persuade pertain photograph pick pierce pilot pin pinch plague plead
please plow plug plunge plunk poach poise poke polarize pop portray pose possess postulate pour pray preach
precede predict prefer prepare preserve presuppose pretend prevail prevent prick probe proceed proclaim prod
produce profess promote prompt promulgate pronounce propose prosecute prostrate protect prove provide
provoke prowl pry publicize publish puff pump punch purify purl purport pursue put qualify quit quiver rack
radiate raid raise rake ram ransack rattle react read realize reap reassure rebuff rebut recall recapture
receive recite reckon recognize recommend reconcile recover recur reduce reek reel reenact refer refine
reflect refuel refuse refute regret regulate reign reinforce reject rejoice rejoin relate relax relegate
relieve remain remember remind remove render renew reorganize repay repeat repel replace represent reproduce
repudiate require reside resist resolve respond restore restrain restrict resume retain retaliate retire
reunite reveal revere revise revive revolve riddle ride rig rinse rip ripen rob rotate rub ruffle rumble run
rustle saddle sag salute satisfy save savor say scan scare scatter scold scour scramble scrape scratch scrub
see seek seem seize sell send serve settle sever shake sharpen shave shed shimmy shine shiver shoot shorten
shoulder shout shove shrink shudder shuffle sicken sidle sift sigh signify silhouette sing sink sit situate
skim skip slacken slam slash slop sluice slump smack smash smother snap snatch sneak sneer sniff snort snub
soak soar soften solve soothe sour sow sparkle speak specialize specify speculate spend spill spin spit
splash splinter split spoil sponsor spout sprawl sprinkle sputter spy squall squeeze stagger stalk stare
starve stay steady steal steam steer stimulate sting stir straighten stumble submit subscribe suffer suggest
suppose suppress surpass surround survive suspect suspend sustain sway swear sweep tag take tap tell tempt
tend think threaten thump tie tighten transform translate transmit transpose traverse tread treat try tumble
understand undertake unfold unleash unlock uphold use utter vary violate wallow waver weaken wear weave
weigh welcome whip whirl whistle widen win wink withdraw worship wrap write
)";

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  for (size_t begin = 0; (begin = text.find_first_not_of(" \n", begin)) != std::string_view::npos;) {
    const size_t end = text.find_first_of(" \n", begin);
    words.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

}  // namespace

const std::vector<std::string>& adjectives() {
  static const std::vector<std::string> words = split(kAdjectives);
  return words;
}
const std::vector<std::string>& nouns() {
  static const std::vector<std::string> words = split(kNouns);
  return words;
}
const std::vector<std::string>& verbs() {
  static const std::vector<std::string> words = split(kVerbs);
  return words;
}

}  // namespace ropeway
