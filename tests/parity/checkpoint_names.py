"""The weights of a transformers model as its checkpoints name them. transformers 5 holds the experts of a layer in one
tensor each for gate and up, and for down; checkpoints have a tensor for every expert's projection."""


def checkpoint_weights(model, of=lambda parameter: parameter):
    """Name -> view of of(parameter), for every weight of the model's checkpoint."""
    mixtral = model.config.model_type == "mixtral"
    gate, up, down = ("w1", "w3", "w2") if mixtral else ("gate_proj", "up_proj", "down_proj")
    weights = {}
    for name, parameter in model.named_parameters():
        tensor = of(parameter)
        stem, _, last = name.rpartition(".")
        if mixtral:
            name, stem = (text.replace(".mlp.", ".block_sparse_moe.") for text in (name, stem + "."))
            stem = stem.removesuffix(".")
        if stem.endswith(".experts") and last == "gate_up_proj":
            inner = tensor.shape[1] // 2
            for i in range(tensor.shape[0]):
                weights[f"{stem}.{i}.{gate}.weight"] = tensor[i, :inner]
                weights[f"{stem}.{i}.{up}.weight"] = tensor[i, inner:]
        elif stem.endswith(".experts") and last == "down_proj":
            for i in range(tensor.shape[0]):
                weights[f"{stem}.{i}.{down}.weight"] = tensor[i]
        else:
            weights[name] = tensor
    return weights
