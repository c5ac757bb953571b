// What has to be true of a SentencePiece model before libsentencepiece gets it. The library checks what it
// parses, but takes the compiled normal form of the model on trust; with a hostile one it reads beyond its
// memory.
//
// The file is a protobuf ModelProto (sentencepiece_model.proto): field 1 a piece, 3 and 5 the specifications
// of normalizer and denormalizer. Their field 2 is the compiled form, precompiled_charsmap:
//   u32 t, t bytes of a double array (Darts-clone), then normal forms, each ended by a NUL.
// A unit of the array, u32: bits 0-7 and 31 its label, bit 8 "a value follows", bits 10-30 << (bit 9 ? 8 : 0)
// the offset. From the unit at i, byte c leads to the unit at i ^ offset ^ c if that one's label is c; its
// value, if one follows, is that of the unit at its own i ^ offset, bits 0-30: the place of a normal form.
#pragma once

#include <string>
#include <string_view>

namespace ropeway {

// "" or what is wrong: lengths that point outside, too many pieces, a compiled form that leads outside its
// array, in circles, to no normal form, or through more values on one path than the library has room for.
std::string problem_of_sentencepiece_file(std::string_view bytes);

}  // namespace ropeway
