// README.md of an exported model: what it is, which lengths it is for and how programs take them, what the run
// measured, and how it can be made again.
#pragma once

#include <string>
#include <vector>

#include "trainer/formats/hf/export_factors.h"
#include "trainer/formats/hf/model_dir.h"

namespace ropeway {

struct RunRecord;

struct CardSubject {
  std::string name;
  const ModelDir& model;
  const ExportFactors& factors;    // of the directory that the card lies in
  const RunRecord* run = nullptr;  // null: the model is of no run
  std::string command;             // that made the export, as it was typed
  std::vector<std::string> notes;  // for whoever uses it, a paragraph each
};

std::string model_card(const CardSubject& subject);

}  // namespace ropeway
