#!/usr/bin/env python3
"""Makes Fixtures/optimizers.json: ten steps of torch.optim's optimizers, in float64, on given gradients.

    python3 make_optimizers.py        # needs torch

Values and gradients are small binary fractions, exact in float32. Some gradients are 0 throughout: a parameter that is not used.
"clip" is torch.nn.utils.clip_grad_norm_ (over both tensors together), "clip_value" clip_grad_value_.
"""
import json, pathlib, torch

torch.manual_seed(5)
steps, sizes = 10, [7, 4]
exact = lambda n, k: (torch.randint(-256, 257, (n,)).double() / k)
start = [exact(n, 128) for n in sizes]
gradients = [[exact(n, 64) * 2.0 ** -(s % 4) for n in sizes] for s in range(steps)]
for step in gradients:
    step[0][3] = 0

O = torch.optim
cases = {
    "sgd": (O.SGD, dict(lr=0.1), {}),
    "sgd_decay": (O.SGD, dict(lr=0.1, weight_decay=0.05), {}),
    "sgd_momentum": (O.SGD, dict(lr=0.05, momentum=0.9), {}),
    "sgd_momentum_decay_clip": (O.SGD, dict(lr=0.05, momentum=0.8, weight_decay=0.01), dict(clip=1.0)),
    "adam": (O.Adam, dict(), {}),
    "adam_decay": (O.Adam, dict(lr=0.01, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1), {}),
    "adam_clip": (O.Adam, dict(lr=0.02), dict(clip=0.5)),
    "adamw": (O.AdamW, dict(), {}),
    "adamw_decay": (O.AdamW, dict(lr=0.01, weight_decay=0.2), dict(clip=2.0)),
    "rmsprop": (O.RMSprop, dict(), {}),
    "rmsprop_momentum": (O.RMSprop, dict(lr=0.005, momentum=0.7), {}),
    "rmsprop_all": (O.RMSprop, dict(lr=0.003, alpha=0.9, eps=1e-4, momentum=0.5, weight_decay=0.05), dict(clip_value=0.75)),
}
names = {"lr": "lr", "momentum": "momentum", "weight_decay": "weight-decay", "eps": "eps", "alpha": "alpha"}
out = {"torch": torch.__version__, "start": [s.tolist() for s in start],
       "gradients": [[g.tolist() for g in step] for step in gradients], "cases": {}}
for name, (optimizer, options, clipping) in cases.items():
    parameters = [torch.nn.Parameter(s.clone()) for s in start]
    o = optimizer(parameters, **options)
    norms, trajectory = [], []
    for step in gradients:
        for p, g in zip(parameters, step):
            p.grad = g.clone()
        norms.append(float(torch.nn.utils.clip_grad_norm_(parameters, clipping.get("clip", float("inf")))))
        if "clip_value" in clipping:
            torch.nn.utils.clip_grad_value_(parameters, clipping["clip_value"])
        o.step()
        trajectory.append([p.detach().tolist() for p in parameters])
    given = {names[k]: v for k, v in options.items() if k in names}
    if "betas" in options:
        given["beta1"], given["beta2"] = options["betas"]
    out["cases"][name] = {"rule": optimizer.__name__.lower(), "options": given, **clipping, "norms": norms,
                          "first": trajectory[0], "last": trajectory[-1]}
path = pathlib.Path(__file__).parent / "Fixtures" / "optimizers.json"
path.write_text(json.dumps(out) + "\n")
