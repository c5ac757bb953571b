#include "trainer/page/page_style.h"

#include "trainer/charts/palette.h"

namespace ropeway::page {
namespace {

constexpr const char* kRules = R"(
:root{color-scheme:light dark}
*{box-sizing:border-box}
body{margin:0;background:var(--_paper);color:var(--_ink);
  font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',Arial,sans-serif}
header,main,footer{max-width:1120px;margin:0 auto;padding:0 20px}
header{padding-top:28px}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:1.3rem;margin:40px 0 12px;padding-top:14px;border-top:1px solid var(--_grid)}
h3{font-size:1rem;margin:0}
a{color:var(--_c0)}
a:focus-visible,summary:focus-visible,[tabindex]:focus-visible{outline:3px solid var(--_c1);outline-offset:2px}
.skip{position:absolute;left:-9999px}
.skip:focus{left:12px;top:12px;background:var(--_paper);padding:6px 10px;z-index:2}
.under{color:var(--_soft);margin:0 0 14px}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:4px 18px;margin:14px 0 0;padding:0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));gap:12px;margin:20px 0 4px;padding:0}
.tile{border:1px solid var(--_grid);border-radius:8px;padding:12px 14px;background:var(--_band)}
.tile b{display:block;font-size:1.35rem;white-space:nowrap;font-weight:650;line-height:1.25;font-variant-numeric:tabular-nums}
.tile span{display:block;color:var(--_soft);font-size:.86rem;line-height:1.35}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:26px 28px}
figure{margin:0;min-width:0}
figure.wide{grid-column:1/-1}
figcaption p{color:var(--_soft);font-size:.88rem;margin:2px 0 8px;max-width:80ch}
.scroll{overflow-x:auto}
svg.picture{display:block;width:100%;height:auto}
figure.half svg.picture{min-width:460px}
figure.wide svg.picture{min-width:860px}
details{margin-top:6px}
summary{cursor:pointer;color:var(--_soft);font-size:.9rem;padding:2px 0}
table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums;margin:8px 0}
caption{text-align:left;color:var(--_soft);font-size:.84rem;padding-bottom:4px}
th,td{padding:4px 12px 4px 0;border-bottom:1px solid var(--_grid);text-align:right;white-space:nowrap;
  vertical-align:top;font-weight:400}
thead th{color:var(--_soft);font-weight:600}
.name{text-align:left}
td.name{white-space:normal;min-width:7em}
.note{color:var(--_soft);font-size:.84rem;margin:2px 0}
pre{background:var(--_band);border:1px solid var(--_grid);border-radius:6px;padding:12px;overflow:auto;
  font:.82rem/1.45 ui-monospace,'SF Mono',Menlo,Consolas,'Liberation Mono',monospace;max-height:70vh;margin:6px 0}
pre.wrap{white-space:pre-wrap;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:3px 18px;font-size:.9rem;margin:8px 0}
dt{color:var(--_soft)}
dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
.sample{border-left:3px solid var(--_grid);padding:2px 0 2px 14px;margin:12px 0;font-size:.92rem}
.sample p{margin:2px 0;white-space:pre-wrap;overflow-wrap:anywhere}
footer{color:var(--_soft);font-size:.84rem;margin:44px auto 30px;border-top:1px solid var(--_grid);padding-top:12px}
@media (max-width:560px){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:6px}h1{font-size:1.4rem}}
@media print{
  @page{margin:14mm}
  body{font-size:10.5pt}
  nav,.skip,details:not([open]){display:none}
  .figures{grid-template-columns:1fr 1fr;gap:14px}
  figure,.tile,tr{break-inside:avoid}
  h2{break-after:avoid}
  svg.picture,figure.half svg.picture,figure.wide svg.picture{min-width:0;max-width:100%}
  .scroll,pre{overflow:visible;max-height:none}
  pre{white-space:pre-wrap}
}
)";

}  // namespace

std::string page_style() { return charts::style_sheet() + kRules; }

}  // namespace ropeway::page
