"""Make the sample data: tickets, handwritten digits, machines and probabilities, each with its planted truth.

Run it as ``python sample_data/make_sample_data.py [FOLDER]``. The same seed writes the same files; probabilities may
differ in the last digits between versions of scikit-learn. The tickets are put together from ``ticket_phrases.toml``;
the digits are those that ship inside scikit-learn; the machines are drawn from a small generative model.
"""

from __future__ import annotations

import shutil
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from ticket_writer import TicketWriter, pick

SEED = 20240229
HERE = Path(__file__).resolve().parent

TICKETS = {
    "order_status": 110,
    "delivery_problem": 95,
    "damaged_item": 90,
    "return_request": 95,
    "refund_status": 80,
    "payment_problem": 75,
    "invoice_request": 60,
    "account_access": 75,
    "order_change": 70,
    "product_question": 62,
}
TWO_CLASS_TICKETS = 64
NEAR_COPIES = 24
CHANNELS = {"email": 0.4, "chat": 0.25, "web": 0.2, "phone": 0.15}
# Whoever types in what is said on the phone sorts it worse.
TICKET_ERROR_RATE = {"email": 0.07, "chat": 0.09, "web": 0.07, "phone": 0.16}
TO_LOOK_ALIKE = 0.75  # share of errors that go to a class easily taken for the true one; the rest go anywhere

DIGIT_ERROR_RATE = 0.05
DIGITS_LOOK_ALIKE = {
    0: (6, 9),
    1: (7, 4),
    2: (7, 3),
    3: (8, 5),
    4: (9, 1),
    5: (6, 3),
    6: (5, 0),
    7: (1, 2),
    8: (3, 9),
    9: (4, 8),
}

MACHINES = 1_200
INSPECTOR_ERROR_RATE = {"ines": 0.03, "jonas": 0.03, "kwame": 0.05, "lena": 0.05, "marek": 0.18}

T = TypeVar("T")


def draw_channels(rng: np.random.Generator, count: int) -> list[str]:
    """Return `count` channels at their shares."""
    return [list(CHANNELS)[i] for i in rng.choice(len(CHANNELS), size=count, p=list(CHANNELS.values()))]


def write_tickets(rng: np.random.Generator, phrases: Mapping[str, Any]) -> pd.DataFrame:
    """Return all tickets with their truth, not yet shuffled: text, channel, true_label, second_label, copy_of."""
    writer = TicketWriter(phrases, rng)
    rows, bodies = [], []

    def add(core: str, channel: str, label: str, second_label: str = "") -> None:
        text, body = writer.write(core, label, channel)
        while body in bodies:  # short tickets may come out alike
            text, body = writer.write(core, label, channel)
        bodies.append(body)
        rows.append((text, channel, label, second_label, -1))

    for label, count in TICKETS.items():
        for core, channel in zip(writer.cores(phrases[label]["core"], count), draw_channels(rng, count), strict=True):
            add(core, channel, label)
    both = [(core, pair["classes"]) for pair in phrases["both"] for core in pair["core"]]
    for i, channel in enumerate(draw_channels(rng, TWO_CLASS_TICKETS)):
        core, pair = both[i // 2 % len(both)] if i % 2 else writer.two_subjects()
        first, second = pair if rng.random() < 0.5 else pair[::-1]
        add(core, channel, first, second)
    for i in rng.choice(sum(TICKETS.values()), size=NEAR_COPIES, replace=False).tolist():
        _, channel, label, _, _ = rows[i]
        rows.append((writer.write_again(bodies[i], channel), channel, label, "", i))
    return pd.DataFrame(rows, columns=["text", "channel", "true_label", "second_label", "copy_of"])


def plant_errors(
    rng: np.random.Generator,
    truth: Sequence[T],
    groups: Sequence[str],
    rates: Mapping[str, float],
    look_alike: Mapping[T, Sequence[T]],
) -> list[T]:
    """Return given labels: `truth` with errors, most of them to a class that looks alike.

    Parameters
    ----------
    truth : sequence of n labels
    groups : sequence of n str
        Each row's group; a row of no group in `rates` keeps its label.
    rates : mapping
        Share of errors of each group, met exactly up to rounding.
    look_alike : mapping
        For each class, the classes it is easily taken for.
    """
    given = list(truth)
    for group, rate in rates.items():
        rows = np.flatnonzero(np.asarray(groups) == group)
        for i in rng.choice(rows, size=round(rate * len(rows)), replace=False).tolist():
            others = [other for other in look_alike if other != truth[i]]
            given[i] = pick(rng, look_alike[truth[i]] if rng.random() < TO_LOOK_ALIKE else others)
    return given


def make_tickets(folder: Path, rng: np.random.Generator) -> pd.DataFrame:
    """Write tickets.csv and tickets_truth.csv; return both side by side."""
    phrases = tomllib.loads((HERE / "ticket_phrases.toml").read_text(encoding="utf-8"))
    tickets = write_tickets(rng, phrases)
    order = rng.permutation(len(tickets))
    place = {int(old): new for new, old in enumerate(order)}
    ids = [f"t{i:05d}" for i in range(1, len(tickets) + 1)]
    tickets["copy_of"] = [ids[place[i]] if i >= 0 else "" for i in tickets["copy_of"]]
    tickets = tickets.iloc[order].reset_index(drop=True).assign(id=ids)
    is_ambiguous = tickets["second_label"] != ""
    # An ambiguous ticket carries one of its two fitting labels: no error.
    groups = tickets["channel"].where(~is_ambiguous, "").tolist()
    look_alike = {label: phrases[label]["confusable"] for label in TICKETS}
    given = plant_errors(rng, tickets["true_label"].tolist(), groups, TICKET_ERROR_RATE, look_alike)
    tickets = tickets.assign(given_label=given, label=given, is_ambiguous=is_ambiguous.astype(int))
    tickets["is_error"] = (tickets["given_label"] != tickets["true_label"]).astype(int)
    write_csv(tickets[["id", "text", "channel", "label"]], folder / "tickets.csv")
    truth = ["id", "given_label", "true_label", "is_error", "is_ambiguous", "second_label", "copy_of"]
    write_csv(tickets[truth], folder / "tickets_truth.csv")
    return tickets


def make_digits(folder: Path, rng: np.random.Generator) -> None:
    """Write digits/CLASS/ID.png, 16 × 16 grey pixels, and digits_truth.csv."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = rng.permutation(len(digits.target))
    true_labels = digits.target[order].tolist()
    given = plant_errors(rng, true_labels, ["all"] * len(order), {"all": DIGIT_ERROR_RATE}, DIGITS_LOOK_ALIKE)
    target = folder / "digits"
    shutil.rmtree(target, ignore_errors=True)
    rows = []
    for i, (source, label, true_label) in enumerate(zip(order, given, true_labels, strict=True), start=1):
        name = f"d{i:05d}"
        file = target / str(label) / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(enlarge(digits.images[source])).save(file, optimize=True)
        rows.append((name, f"{label}/{name}.png", label, true_label, int(label != true_label)))
    columns = ["id", "file", "given_label", "true_label", "is_error"]
    write_csv(pd.DataFrame(rows, columns=columns), folder / "digits_truth.csv")


def enlarge(image: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return an (8, 8) image with values 0..16 as (16, 16) uint8, interpolated linearly."""
    positions = np.clip((np.arange(16) + 0.5) / 2 - 0.5, 0, 7)
    weights = np.maximum(0, 1 - np.abs(positions[:, None] - np.arange(8)))
    enlarged: NDArray[np.float64] = weights @ image @ weights.T
    return np.rint(enlarged / 16 * 255).astype(np.uint8)


# Mean and standard deviation of each measurement for a healthy machine, and what each fault adds to it.
MEASUREMENTS = {
    "vibration_mm_s": (2.6, 0.8, {"bearing_wear": 1.9, "misalignment": 2.3}),
    "bearing_temp_c": (58.0, 6.0, {"bearing_wear": 9.0, "overheating": 15.0}),
    "motor_temp_c": (64.0, 7.0, {"overheating": 19.0, "misalignment": 4.0}),
    "current_a": (11.5, 1.6, {"misalignment": 2.6, "overheating": 1.4}),
    "noise_db": (71.0, 3.5, {"bearing_wear": 7.0, "misalignment": 3.0}),
}
FAULTS = {"none": 0.5, "bearing_wear": 0.18, "overheating": 0.16, "misalignment": 0.16}
FAULTS_LOOK_ALIKE = {
    "none": ("bearing_wear", "misalignment"),
    "bearing_wear": ("misalignment", "overheating"),
    "overheating": ("bearing_wear", "none"),
    "misalignment": ("bearing_wear", "none"),
}
TWO_FAULTS = 0.06


def make_machines(folder: Path, rng: np.random.Generator) -> None:
    """Write machines.csv, inspections labelled by five inspectors, and machines_truth.csv."""
    faults = list(FAULTS)
    first = [faults[i] for i in rng.choice(len(faults), size=MACHINES, p=list(FAULTS.values()))]
    second = [
        pick(rng, [other for other in faults[1:] if other != fault])
        if fault != "none" and rng.random() < 2 * TWO_FAULTS
        else ""
        for fault in first
    ]
    table = pd.DataFrame({"id": [f"m{i:05d}" for i in range(1, MACHINES + 1)]})
    table["model"] = [pick(rng, ["P-100", "P-100", "P-220", "P-300"]) for _ in first]
    table["site"] = [pick(rng, ["Gdansk", "Porto", "Turku"]) for _ in first]
    table["hours_since_service"] = np.rint(rng.gamma(2.0, 900, MACHINES)).astype(int)
    for name, values in measure(rng, first, second, table).items():
        table[name] = values
    table["oil"] = [oil_colour(rng, fault, other) for fault, other in zip(first, second, strict=True)]
    table["inspector"] = [pick(rng, list(INSPECTOR_ERROR_RATE)) for _ in first]
    is_ambiguous = np.array([other != "" for other in second])
    groups = table["inspector"].where(~is_ambiguous, "").tolist()
    table["fault"] = given = plant_errors(rng, first, groups, INSPECTOR_ERROR_RATE, FAULTS_LOOK_ALIKE)
    write_csv(table, folder / "machines.csv")
    truth = pd.DataFrame({"id": table["id"], "given_label": given, "true_label": first})
    truth["is_error"] = (truth["given_label"] != truth["true_label"]).astype(int)
    write_csv(truth.assign(is_ambiguous=is_ambiguous.astype(int), second_label=second), folder / "machines_truth.csv")


def measure(
    rng: np.random.Generator, first: Sequence[str], second: Sequence[str], table: pd.DataFrame
) -> dict[str, NDArray[np.float64]]:
    """Return noisy measurements; some are missing, and model P-100 has no microphone."""
    columns = {}
    for name, (mean, spread, shifts) in MEASUREMENTS.items():
        shift = [max(shifts.get(fault, 0), shifts.get(other, 0)) for fault, other in zip(first, second, strict=True)]
        values = mean + np.array(shift) * rng.uniform(0.9, 1.9, MACHINES) + spread * rng.standard_normal(MACHINES)
        values += np.where((table["site"] == "Porto") & name.endswith("_c"), 5.0, 0.0)
        missing = (table["model"] == "P-100") & (name == "noise_db") | (rng.random(MACHINES) < 0.03)
        columns[name] = np.where(missing, np.nan, np.round(values, 1))
    return columns


def oil_colour(rng: np.random.Generator, fault: str, other: str) -> str | None:
    """Return the colour of the oil; bearings that wear and heat darken it; one in twelve was not looked at."""
    dark = 0.1 + 0.5 * ("bearing_wear" in (fault, other)) + 0.25 * ("overheating" in (fault, other))
    colour = pick(rng, ["dark", "metallic"]) if rng.random() < dark else pick(rng, ["clear", "amber", "amber"])
    return None if rng.random() < 1 / 12 else colour


def make_probabilities(folder: Path, tickets: pd.DataFrame) -> None:
    """Write out-of-sample probabilities of two models cross-validated on the given labels of the tickets."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline
    from threadpoolctl import threadpool_limits

    classes, labels = np.unique(tickets["given_label"], return_inverse=True)
    models = {
        "model_a": make_pipeline(
            TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2)), LogisticRegression(C=10, max_iter=1000)
        ),
        "model_b": make_pipeline(
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True), MultinomialNB(alpha=0.03)
        ),
    }
    target = folder / "probs"
    target.mkdir(exist_ok=True)
    for i, (name, model) in enumerate(models.items()):
        folds = StratifiedKFold(5, shuffle=True, random_state=SEED + i)
        with threadpool_limits(1):  # sums in one order everywhere, and small products are faster on one thread
            probs = cross_val_predict(model, tickets["text"], labels, cv=folds, method="predict_proba")
        np.save(target / f"{name}.npy", probs.astype(np.float32))
    np.save(target / "labels.npy", labels.astype(np.int32))
    np.save(target / "is_error.npy", tickets["is_error"].to_numpy(dtype=bool))
    np.save(target / "classes.npy", classes.astype("U"))
    np.save(target / "ids.npy", tickets["id"].to_numpy(dtype="U"))


def write_csv(table: pd.DataFrame, file: Path) -> None:
    """Write `table` without its index, with the same bytes on every system."""
    table.to_csv(file, index=False, lineterminator="\n", encoding="utf-8")


def main(folder: Path = HERE) -> None:
    """Write everything into `folder`. Each part has a seed of its own, so that a change in one moves no other."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds = np.random.SeedSequence(SEED).spawn(3)
    tickets_rng, digits_rng, machines_rng = (np.random.default_rng(seed) for seed in seeds)
    tickets = make_tickets(folder, tickets_rng)
    make_probabilities(folder, tickets)
    make_digits(folder, digits_rng)
    make_machines(folder, machines_rng)


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:2]))
