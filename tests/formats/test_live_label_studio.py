"""A round trip through a real Label Studio server: ids, labels, skips, annotators, times and remarks, all of them."""

from __future__ import annotations

import json

import pytest

from labelaudit.formats import FORMATS, content_text, write_batch
from labelaudit.formats._items import milliseconds
from tests.formats.batches import make_batch, replies
from tests.formats.label_studio_server import label_studio  # noqa: F401 -- a fixture

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("label-studio")]

FORM = FORMATS.get("label-studio")


@pytest.fixture(scope="module")
def people(label_studio):  # noqa: F811 -- the fixture
    """The ids of two annotators, by their e-mail address."""
    me = label_studio.call("GET", "/api/current-user/whoami")
    other = {"email": "bob@example.org", "username": "bob", "first_name": "Bob"}
    bob = label_studio.call("POST", "/api/users/", other)
    return {"ann@example.org": me["id"], "bob@example.org": bob["id"]}


@pytest.mark.parametrize("odd", [False, True], ids=["plain", "odd"])
@pytest.mark.parametrize("several", [False, True], ids=["single", "several"])
@pytest.mark.parametrize("modality", ["text", "image", "table"])
def test_everything_comes_back(label_studio, people, modality, several, odd, tmp_path):  # noqa: F811
    batch = make_batch(tmp_path, modality, several=several, odd=odd)
    write_batch(batch, FORM, tmp_path / "batch.json")
    config = (tmp_path / "batch.config.xml").read_text(encoding="utf-8")
    project = label_studio.call("POST", "/api/projects", {"title": modality, "label_config": config})["id"]
    done = label_studio.call("POST", f"/api/projects/{project}/import", (tmp_path / "batch.json").read_bytes())
    assert done["task_count"] == len(batch)
    assert done["prediction_count"] == len(batch)
    tasks = label_studio.call("GET", f"/api/tasks?project={project}&page_size=100&fields=all")["tasks"]
    said = replies(batch)
    times = annotate(label_studio, tasks, said, people)

    (tmp_path / "export.json").write_bytes(label_studio.export(project, "JSON"))
    back = list(FORM.read(tmp_path / "export.json", batch.classes))
    found = {item.item_id: [] for item in batch.items}
    for each in back:
        found[each.item_id].append(each)
    for item in batch.items:
        expected = said.get(item.item_id, [])
        answered = sorted((each for each in found[item.item_id] if each.is_answered), key=lambda each: each.at)
        assert len(answered) == len(expected)
        for each, reply in zip(answered, expected, strict=True):
            assert set(each.labels) == set(reply.labels)
            assert (each.verdict, each.note, each.seconds) == (reply.verdict, reply.note, reply.seconds)
            assert each.annotator == str(people[reply.annotator])
            assert each.at == times[each.item_id, reply.annotator]
        for each in found[item.item_id]:
            assert (each.batch_id, each.content_hash) == (batch.batch_id, item.content_hash)
            assert modality == "image" or each.content == content_text(item)


def annotate(server, tasks, said, people):
    """Give every answer through the API; return when the server says each was given."""
    times = {}
    for task in tasks:
        item_id = task["data"]["labelaudit_id"]
        for reply in said.get(item_id, []):
            kinds = (("label", reply.labels), ("verdict", () if reply.verdict in {None, "skip"} else (reply.verdict,)))
            result = [
                {"from_name": name, "to_name": "item", "type": "choices", "value": {"choices": list(chosen)}}
                for name, chosen in kinds
                if chosen
            ]
            if reply.note:
                text = {"from_name": "note", "to_name": "item", "type": "textarea", "value": {"text": [reply.note]}}
                result.append(text)
            body = {
                "result": result,
                "was_cancelled": reply.verdict == "skip",
                "lead_time": reply.seconds,
                "completed_by": people[reply.annotator],
            }
            made = server.call("POST", f"/api/tasks/{task['id']}/annotations/", body)
            times[item_id, reply.annotator] = milliseconds(made["created_at"])
    return times


def test_the_other_exports_bring_labels_too(label_studio, people, tmp_path):  # noqa: F811
    batch = make_batch(tmp_path, "text", several=True)
    write_batch(batch, FORM, tmp_path / "batch.json")
    config = (tmp_path / "batch.config.xml").read_text(encoding="utf-8")
    project = label_studio.call("POST", "/api/projects", {"title": "exports", "label_config": config})["id"]
    label_studio.call("POST", f"/api/projects/{project}/import", (tmp_path / "batch.json").read_bytes())
    tasks = label_studio.call("GET", f"/api/tasks?project={project}&page_size=100&fields=all")["tasks"]
    said = replies(batch)
    annotate(label_studio, tasks, said, people)
    for kind, name in (("JSON_MIN", "min.json"), ("CSV", "export.csv")):
        (tmp_path / name).write_bytes(label_studio.export(project, kind))
        labels = {}
        for each in FORM.read(tmp_path / name, batch.classes):
            if each.labels:
                labels.setdefault(each.item_id, []).append(set(each.labels))
        expected = {item: [set(reply.labels) for reply in given if reply.labels] for item, given in said.items()}
        assert labels.keys() == {item for item, given in expected.items() if given}
        for item, given in labels.items():
            assert sorted(map(sorted, given)) == sorted(map(sorted, expected[item])), json.dumps(item)
