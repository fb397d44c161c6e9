"""The job monitor shows a job, its buttons work, and all of it without a front end."""

import base64
import re
import time

import openai
import pandas as pd
import pytest

from helpers.connect import Connection
from helpers.jobs import METRICS
from helpers.widgets import job_monitor as module
from helpers.widgets.job_monitor import JobMonitor, loss_svg, monitor
from tests.fake_service import Service


class Pausable(Service):
    """A service whose jobs can also be paused and resumed."""

    def post_jobs(self, parts, request, query):
        done = {"pause": "paused", "resume": "running"}
        if parts[1:] and parts[1] in done:
            job = self.jobs[parts[0]]
            if job["status"] in ("succeeded", "failed", "cancelled"):
                message = f"Job has already completed: {job['id']}"
                return 400, {"error": {"message": message, "code": None}}
            job["status"] = done[parts[1]]
            return 200, job
        return super().post_jobs(parts, request, query)


def connection(service: Service) -> Connection:
    client = service.client()
    return Connection(client, "local", "kitchen-base", "local", False)


@pytest.fixture
def service() -> Pausable:
    return Pausable(steps=4)


@pytest.fixture
def here(service: Pausable) -> Connection:
    return connection(service)


@pytest.fixture
def job(here: Connection) -> str:
    return here.client.fine_tuning.jobs.create(
        model="kitchen-base", training_file="file-1"
    ).id


def values(shown: JobMonitor) -> dict[str, str]:
    return dict(shown.table().itertuples(index=False))


# --- what is shown ----------------------------------------------------------------


def test_each_look_brings_status_step_loss_and_events_up_to_date(
    here: Connection, job: str
) -> None:
    shown = monitor(here, job, watch=False)
    assert values(shown)["status"] == "running"
    assert values(shown)["step"] == "1 / 4"
    shown.refresh()
    assert values(shown)["step"] == "2 / 4"
    assert values(shown)["training loss"] == "1.000"
    assert values(shown)["last events"].splitlines()[-1] == (
        "Step 2/4: training loss=1.00"
    )


def test_at_the_end_the_model_is_named_and_the_buttons_rest(
    here: Connection, job: str
) -> None:
    shown = monitor(here, job, watch=False)
    while not shown.ended:
        shown.refresh()
    assert values(shown)["model"].startswith("ft:kitchen-base")
    disabled = {name: button.disabled for name, button in shown._buttons.items()}
    assert disabled == {"pause": True, "resume": True, "cancel": True, "look": False}
    assert (shown._bar.value, shown._bar.max) == (4, 4)
    assert shown._bar.bar_style == "success"


def test_a_job_that_failed_says_why(here: Connection, service: Pausable) -> None:
    service.outcome, service.steps = "failed", 0
    job = here.client.fine_tuning.jobs.create(model="m", training_file="file-1")
    shown = monitor(here, job, watch=False)
    assert shown.ended
    assert "Discriminator" in values(shown)["error"]
    assert shown._bar.bar_style == "danger"


def test_an_output_holds_the_widget_a_table_and_the_curve(
    here: Connection, job: str
) -> None:
    bundle = monitor(here, job, watch=False).refresh()._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "<table" in bundle["text/html"]
    assert 'alt="Training loss from 2.00 to 1.00 in 2 steps."' in bundle["text/html"]
    assert bundle["text/plain"].startswith("status: running\nstep: 2 / 4")


def test_without_widgets_the_buttons_are_words(
    here: Connection, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPANION_WIDGETS", "no")
    shown = monitor(here, job)
    assert shown.widget is None
    assert set(shown._repr_mimebundle_()) == {"text/plain", "text/html"}
    assert values(shown.press("cancel"))["status"] == "cancelled"


@pytest.mark.parametrize("blank", [None, ...])
def test_without_a_job_there_is_nothing_to_watch(
    here: Connection, service: Pausable, blank: object
) -> None:
    shown = monitor(here, blank)
    assert repr(shown) == "No job yet: there is nothing to watch."
    assert shown._repr_mimebundle_() == {"text/plain": repr(shown)}
    assert shown.refresh().press("cancel") is shown
    assert not service.asked


def test_what_a_service_says_never_becomes_html(
    here: Connection, service: Pausable, job: str
) -> None:
    service.event(job, "<b>bold</b>")
    shown = monitor(here, job, watch=False)
    assert "&lt;b&gt;bold" in shown._events.value
    assert "<b>bold" not in shown._repr_mimebundle_()["text/html"]


# --- the buttons ------------------------------------------------------------------


def test_the_buttons_pause_resume_and_cancel(
    here: Connection, service: Pausable, job: str
) -> None:
    shown = monitor(here, job, watch=False)
    shown._buttons["pause"].click()
    assert shown.status == "paused"
    assert not shown._buttons["resume"].disabled
    assert shown._buttons["pause"].disabled
    shown._buttons["resume"].click()
    assert shown.status == "running"
    shown._buttons["cancel"].click()
    assert shown.status == "cancelled"
    assert shown.note == "Asked to cancel."
    assert service.jobs[job]["status"] == "cancelled"


def test_a_refusal_is_noted_in_the_words_of_the_service(
    here: Connection, service: Pausable, job: str
) -> None:
    shown = monitor(here, job, watch=False)
    service.jobs[job]["status"] = "succeeded"
    shown.press("pause")
    assert shown.note == f"The provider refused: Job has already completed: {job}"
    assert "already completed" in shown._words.value


def test_an_unknown_button_is_answered_with_the_known_ones(
    here: Connection, job: str
) -> None:
    with pytest.raises(ValueError, match="pause, resume, cancel"):
        monitor(here, job, watch=False).press("stop")


def test_a_provider_that_is_away_is_noted_and_found_again(
    here: Connection, service: Pausable, job: str
) -> None:
    shown = monitor(here, job, watch=False)
    service.down = 1
    assert "does not answer" in values(shown.refresh())["note"]
    assert shown.status == "running"
    assert "note" not in values(shown.refresh())
    service.down = 2
    assert "does not answer" in shown.press("pause").note


def test_a_job_that_is_not_there_is_an_error(here: Connection) -> None:
    with pytest.raises(openai.NotFoundError):
        monitor(here, "ftjob-none")


# --- watching ---------------------------------------------------------------------


def test_a_thread_watches_until_the_job_has_ended(here: Connection, job: str) -> None:
    shown = monitor(here, job, poll_s=0.01)
    thread = shown._thread
    assert thread is not None
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert shown.status == "succeeded"
    assert "succeeded" in shown._words.value


def test_closing_ends_the_watch_and_not_the_job(
    here: Connection, service: Pausable, job: str
) -> None:
    service.steps = 10_000
    shown = monitor(here, job, poll_s=0.01)
    shown.close()
    assert not shown._thread.is_alive()
    looked = len(service.asked)
    time.sleep(0.05)
    assert len(service.asked) == looked
    assert service.jobs[job]["status"] == "running"


def test_the_watch_gives_up_when_the_provider_stays_away(
    here: Connection, service: Pausable, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOST_PATIENCE", 2)
    shown = monitor(here, job, watch=False)
    shown._poll_s = 0.0
    service.down = 1000
    shown._watch()
    assert shown._lost == 3


def test_a_job_that_has_ended_needs_no_thread(here: Connection, job: str) -> None:
    here.client.fine_tuning.jobs.cancel(job)
    assert monitor(here, job)._thread is None


# --- the curve --------------------------------------------------------------------


def frame(*rows: dict[str, float]) -> pd.DataFrame:
    kinds = {"step": int, **dict.fromkeys(METRICS, float)}
    return pd.DataFrame(rows, columns=["step", *METRICS]).astype(kinds)


def test_the_curve_falls_from_the_top_left_and_leaves_room_for_what_is_to_come() -> (
    None
):
    drawn = loss_svg(
        frame({"step": 1, "train_loss": 2.0}, {"step": 5, "train_loss": 0.5}), 10
    )
    (points,) = re.findall(r'polyline points="([^"]+)"', drawn)
    (x1, y1), (x2, y2) = (map(float, pair.split(",")) for pair in points.split())
    assert x1 < x2 < module.WIDTH / 2 + 1
    assert y1 < y2
    assert ">10</text>" in drawn


def test_validation_losses_are_marks_of_their_own() -> None:
    drawn = loss_svg(frame({"step": 2, "train_loss": 1.0, "full_valid_loss": 0.8}))
    assert drawn.count("<path") == 2  # the axes and one diamond


@pytest.mark.parametrize("rows", [[], [{"step": 1}], [{"step": 1, "train_loss": 0.0}]])
def test_a_curve_can_be_drawn_of_nothing(rows: list[dict[str, float]]) -> None:
    assert loss_svg(frame(*rows)).startswith("<svg")


def test_the_picture_is_the_curve_and_needs_two_points(
    here: Connection, job: str
) -> None:
    shown = monitor(here, job, watch=False)
    assert shown.picture() == ""
    image = re.search(r"base64,([^\"]+)", shown.refresh().picture())[1]
    assert base64.b64decode(image).startswith(b"<svg")
