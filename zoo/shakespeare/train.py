#!/usr/bin/env python3
"""Trains the character LSTM that ships as `zoo/shakespeare.rnnz` (PyTorch, CPU).

    python3 -m venv venv && venv/bin/pip install torch numpy safetensors
    venv/bin/python zoo/shakespeare/train.py --corpus input.txt --out /tmp/shakespeare
    swift run -c release rnnz convert /tmp/shakespeare/model.safetensors zoo/shakespeare.rnnz --name shakespeare

The corpus is tinyshakespeare (1,115,394 characters, 65 distinct): the first 90 % trains, the last 10 % is only measured.
`--out` receives model.safetensors (PyTorch names), vocab.json (characters in id order) and checkpoint.pt; a run that was
stopped goes on from the checkpoint. The held-out loss is measured as `rnnz score` measures it: one pass from the zero state,
every character after the first, in nats per character.
"""
import argparse, json, math, os, time
import numpy as np, torch
from safetensors.torch import save_file

parser = argparse.ArgumentParser()
parser.add_argument("--corpus", required=True)
parser.add_argument("--out", required=True)
parser.add_argument("--embedding", type=int, default=96)
parser.add_argument("--hidden", type=int, default=384)
parser.add_argument("--layers", type=int, default=2)
parser.add_argument("--dropout", type=float, default=0.3)
parser.add_argument("--batch", type=int, default=48)
parser.add_argument("--window", type=int, default=96, help="steps of truncated back-propagation")
parser.add_argument("--reset", type=float, default=0.1,
                    help="how often a window begins from the zero state, so that the model knows how to begin")
parser.add_argument("--epochs", type=int, default=12)
parser.add_argument("--lr", type=float, default=2.5e-3)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--seed", type=int, default=1)
args = parser.parse_args()
torch.set_num_threads(args.threads)
torch.manual_seed(args.seed)

text = open(args.corpus, encoding="utf-8").read()
alphabet = sorted(set(text))
ids = torch.tensor([{c: i for i, c in enumerate(alphabet)}[c] for c in text])
cut = len(ids) * 9 // 10
train, held_out = ids[:cut], ids[cut:]


class CharLSTM(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(len(alphabet), args.embedding)
        self.lstm = torch.nn.LSTM(args.embedding, args.hidden, args.layers, dropout=args.dropout)
        self.fc = torch.nn.Linear(args.hidden, len(alphabet))
        self.drop = torch.nn.Dropout(args.dropout)
        for name, p in self.lstm.named_parameters():
            if "bias_ih" in name:  # forget gate open at the start (Jozefowicz et al. 2015)
                p.data[args.hidden : 2 * args.hidden] = 1.0

    def forward(self, tokens, state=None):  # [steps, batch] -> [steps, batch, vocabulary]
        h, state = self.lstm(self.embedding(tokens), state)
        return self.fc(self.drop(h)), state


model = CharLSTM()
optimizer = torch.optim.AdamW(model.parameters(), args.lr, weight_decay=0.01)
columns = train[: len(train) // args.batch * args.batch].view(args.batch, -1).t().contiguous()  # [steps, batch]
windows = (columns.shape[0] - 1) // args.window
total = windows * args.epochs


def learning_rate(step):
    warm = min(1.0, (step + 1) / 200)
    return args.lr * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / total)))


@torch.inference_mode()
def measure():
    model.eval()
    nats, state = 0.0, None
    for start in range(0, len(held_out) - 1, 4096):
        x, y = held_out[start : start + 4096], held_out[start + 1 : start + 4097]
        logits, state = model(x[: len(y), None], state)
        nats += torch.nn.functional.cross_entropy(logits[:, 0], y, reduction="sum").item()
    model.train()
    return nats / (len(held_out) - 1)


os.makedirs(args.out, exist_ok=True)
checkpoint, first_epoch, best = f"{args.out}/checkpoint.pt", 0, math.inf
if os.path.exists(checkpoint):
    saved = torch.load(checkpoint)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    first_epoch, best = saved["epoch"], saved["best"]
json.dump(alphabet, open(f"{args.out}/vocab.json", "w"))
for epoch in range(first_epoch, args.epochs):
    state, begun, losses = None, time.time(), []
    for w in range(windows):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(epoch * windows + w)
        x = columns[w * args.window : (w + 1) * args.window]
        y = columns[w * args.window + 1 : (w + 1) * args.window + 1]
        if state is not None:
            kept = (torch.rand(1, args.batch, 1) >= args.reset).float()
            state = tuple(s * kept for s in state)
        logits, state = model(x, state)
        state = tuple(s.detach() for s in state)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    held = measure()
    seconds = time.time() - begun
    print(json.dumps({"epoch": epoch + 1, "train": round(float(np.mean(losses)), 4), "held_out": round(held, 4),
                      "characters_per_s": round(windows * args.window * args.batch / seconds)}), flush=True)
    if held < best:
        best = held
        save_file({k: v.contiguous() for k, v in model.state_dict().items()}, f"{args.out}/model.safetensors",
                  metadata={"corpus": "tinyshakespeare", "held_out_nats_per_character": f"{held:.4f}"})
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch + 1, "best": best},
               checkpoint + ".new")
    os.replace(checkpoint + ".new", checkpoint)
