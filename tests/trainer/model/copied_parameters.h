// A store that holds nothing in place: each lease hands out copies, what is released turns to NaN, and
// gradients go home only when they are reported done. It watches the rules of parameter_store.h on the way,
// so that an engine that passes its checks would work with a store that gathers and scatters.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "trainer/model/parameter_store.h"
#include "trainer/model/resident_parameters.h"

namespace ropeway::testing {

class CopiedParameters : public ParameterStore {
 public:
  explicit CopiedParameters(ResidentParameters& home) : home_(home) {}

  Leased acquire(ParameterUnit unit, LeaseOf of) override;
  void gradients_done(ParameterUnit unit) override;
  void release(ParameterUnit unit) override;
  void expect(ParameterUnit unit, LeaseOf of) override;

  at::TensorOptions weight_options() const override { return home_.weight_options(); }
  const std::vector<NamedShape>& names() const override { return home_.names(); }
  void set_weight(const std::string& name, const at::Tensor& values) override {
    home_.set_weight(name, values);
  }
  std::vector<NamedTensor> weights_on_host(bool wanted) override;
  std::vector<FlatPiece> held_weights() override { return home_.held_weights(); }
  std::unique_ptr<OptimizerShard> optimizer_shard(Collectives& exchange) override {
    return home_.optimizer_shard(exchange);
  }
  std::string non_finite_gradient() override { return home_.non_finite_gradient(); }
  void clear_gradients() override { home_.clear_gradients(); }
  const std::string& name_at(int64_t index) const override { return home_.name_at(index); }
  void release_gradients() override { home_.release_gradients(); }
  Bytes bytes() const override { return home_.bytes(); }

  // Between passes: what was done against the rules since the store was made, one line each.
  std::vector<std::string> complaints() const;
  int passes() const { return passes_; }  // begun

 private:
  struct Request {
    ParameterUnit unit;
    LeaseOf of;
    bool operator==(const Request&) const = default;
  };
  struct Open {
    Request request;
    Leased handed, at_home, when_done;
    bool done = false;
  };
  bool is_tied_head(ParameterUnit unit);
  void begin_pass();
  void complain(std::string text) { complaints_.push_back(std::move(text)); }

  ResidentParameters& home_;
  std::optional<Open> open_;
  std::optional<Request> expected_;
  std::vector<std::string> done_;  // units of this pass whose gradients are complete
  std::vector<std::string> owed_;  // units whose gradients were leased in this pass and are not complete
  at::Tensor tied_;                // what a tied head added, until the embedding is leased
  int passes_ = 0;
  std::vector<std::string> complaints_;
};

}  // namespace ropeway::testing
