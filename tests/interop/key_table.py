"""A table of parties that read and write the same things: asked, counted, printed.

A party is a program that takes a JSON array of questions and gives one of answers: an object, or
`{"error": …}` where the question is refused, or `{"absent": …}` where it has no function for it. What
the questions are is for `key_vectors.py`.
"""

import json
import pathlib
import subprocess

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "vectors"
WAYS = ("reads", "writes")


class Party:
    """One that answers questions about keys. `recorded` is its name in the golden files."""

    def __init__(self, title, recorded, *command):
        self.title, self.recorded, self.command = title, recorded, [str(part) for part in command]

    def ask(self, questions):
        # Without a terminal nobody is asked for a password.
        questions_json = json.dumps(questions).encode()
        done = subprocess.run(
            self.command, input=questions_json, capture_output=True, check=False, start_new_session=True
        )
        assert done.returncode == 0, f"{self.title} ended with {done.returncode}\n{done.stderr.decode()}"
        answers = json.loads(done.stdout)
        assert len(answers) == len(questions), self.title
        return answers


class Cell:
    """What one party made of one file, in one direction."""

    def __init__(self, where):
        self.where, self.right, self.of, self.reasons, self.faults = where, 0, 0, [], []

    def count(self, what, answer, expected):
        """One item: `expected` are fields that the answer must have, or None for a refusal."""
        if "absent" in answer:
            self.note(answer["absent"])
            return
        self.of += 1
        refused = "error" in answer
        if refused if expected is None else not refused and expected.items() <= answer.items():
            self.right += 1
        else:
            self.faults.append(
                f"{self.where}: {what}: {answer}, not {expected if expected is not None else 'a refusal'}"
            )

    def note(self, reason):
        if reason not in self.reasons:
            self.reasons.append(reason)


class Row:
    """What every party makes of one golden file; the first party is btd."""

    def __init__(self, file, parties):
        self.file, self.parties, self.golden = file, parties, json.loads((VECTORS / file).read_text())
        self.cells = {(party, way): Cell(f"{file}: {party.title} {way}") for party in parties for way in WAYS}

    def read(self, party, items):
        """Golden items: what it is, the question, and what must be answered."""
        for (what, _, expected), answer in zip(items, party.ask([question for _, question, _ in items])):
            self.cells[party, "reads"].count(what, answer, expected)

    def read_by_all(self, items):
        for party in self.parties:
            self.read(party, items)

    def write(self, writer, items):
        """Items to write: what it is, the question, what must be answered or None for a refusal, and a
        function that makes of the answer a question to the others and what they must answer."""
        cell, made = self.cells[writer, "writes"], []
        answers = writer.ask([question for _, question, _, _ in items])
        for (what, _, expected, check), answer in zip(items, answers):
            if expected is not None and not {"absent", "error"} & answer.keys() and expected.items() <= answer.items():
                made.append((what, *check(answer)))
            else:
                cell.count(what, answer, expected)
        ours = self.parties[0]
        readers = [party for party in self.parties if (party is ours) != (writer is ours)]
        for reader in readers if made else []:
            for (what, _, expected), answer in zip(made, reader.ask([question for _, question, _ in made])):
                cell.count(f"{what}, read by {reader.title}", answer, expected)

    def write_by_all(self, items):
        for party in self.parties:
            self.write(party, items)

    def note(self, reason, *ways, parties=None):
        for party in parties or self.parties:
            for way in ways:
                self.cells[party, way].note(reason)


def show(rows):
    """Prints the cells, the reasons below them, and what is wrong; whether nothing is."""
    reasons = []
    columns = list(rows[0].cells)
    print(f"{'golden file':23}" + "".join(f"{party.title + ' ' + way:25}" for party, way in columns))
    for row in rows:
        line = f"{row.file:23}"
        for column in columns:
            cell = row.cells[column]
            assert cell.of or cell.reasons, cell.where
            marks = []
            for reason in cell.reasons:
                if reason not in reasons:
                    reasons.append(reason)
                marks.append(str(reasons.index(reason) + 1))
            text = f"{cell.right} of {cell.of}" if cell.of else "-"
            text += "" if cell.right == cell.of else " WRONG"
            line += f"{text + (' (' + ','.join(marks) + ')' if marks else ''):25}"
        print(line.rstrip())
    for number, reason in enumerate(reasons, 1):
        print(f"  ({number}) {reason}")
    faults = [fault for row in rows for cell in row.cells.values() for fault in cell.faults]
    for fault in faults:
        print(f"WRONG {fault}")
    return not faults
