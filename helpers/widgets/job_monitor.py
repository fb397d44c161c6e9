"""One job on one screen: status, progress, loss, events, and buttons to hold or end it.

Purpose: while a job runs, `monitor(here, job)` as the last line of a cell shows how it
goes, and the cell is done at once. A thread looks at the job now and then until it has
ended. Without a front end the same output holds what was known when it was made, as a
table and a picture; `refresh()`, `press("pause")` and `print(monitor)` do the rest.

The curve is a small SVG of its own: drawing a chart takes a core that the training
could use, and matplotlib's styles are not made for a second thread.
It must never know a provider beyond its client, nor hold what later cells need.
"""

from __future__ import annotations

import base64
import html
import threading
from typing import Any

import openai
import pandas as pd
from openai.types.fine_tuning import FineTuningJob

from helpers.charts import BLUE, GREEN, GREY, INK
from helpers.checks import BLANK
from helpers.connect import Connection
from helpers.jobs import FINAL, HOSTED_POLL_S, LOST_PATIENCE, History
from helpers.messages import say
from helpers.tables import TextTable
from helpers.widgets import reason, unwanted

ACTIONS = ("pause", "resume", "cancel")
ICONS = {"pause": "pause", "resume": "play", "cancel": "stop", "look": "refresh"}
LOOK_S = 1.0  # seconds between two looks at a job on this machine
EVENTS = 6
WIDTH, HEIGHT, EDGE = 560, 150, 34  # pixels of the curve, and the room for its numbers


class JobMonitor:
    """Shows a job and lets it be paused, resumed and cancelled.

    Args:
        connection: where the job is.
        job: the job or its id; a blank shows that there is none.
        poll_s: seconds between two looks; short for this machine, 10 for a service.
        watch: look now and then in a thread, as long as the job runs.

    Attributes:
        job: what the provider said last; None without a job.
        history: events and metrics so far; None without a job.
        note: what a button did, or what went wrong.
        widget: for a front end; None without a job or where widgets are not wanted.
    """

    def __init__(
        self,
        connection: Connection,
        job: FineTuningJob | str | Any,
        *,
        poll_s: float | None = None,
        watch: bool = True,
    ) -> None:
        self.connection = connection
        self.job_id = ""
        self.job: FineTuningJob | None = None
        self.history: History | None = None
        self.note = ""
        self.widget: Any = None
        self._lost = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        if poll_s is None:
            poll_s = HOSTED_POLL_S if connection.billed else LOOK_S
        self._poll_s = poll_s
        if job is None or job is BLANK:
            return
        self.job_id = job if isinstance(job, str) else job.id
        self.history = History(connection, self.job_id)
        self.refresh()
        if not unwanted():
            self.widget = self._widget()
            self._show()
            if watch and not self.ended:
                self._thread = threading.Thread(target=self._watch, daemon=True)
                self._thread.start()

    # --- looking ------------------------------------------------------------------

    @property
    def status(self) -> str:
        """The job's status, "-" before the provider has told it."""
        return self.job.status if self.job else "-"

    @property
    def ended(self) -> bool:
        """True when the job has succeeded, failed or was cancelled."""
        return self.status in FINAL

    def refresh(self) -> JobMonitor:
        """Look at the job once.

        A provider that does not answer is noted, not raised: the next look may work.

        Returns:
            The monitor itself, so that the last line of a cell shows it.

        Raises:
            openai.NotFoundError: there is no such job.
        """
        if self.history is None:
            return self
        with self._lock:
            try:
                self.job = self.connection.client.fine_tuning.jobs.retrieve(self.job_id)
                self.history.read()
            except openai.APIConnectionError:
                self._lost += 1
                self.note = say("monitor.lost")
            else:
                if self._lost:
                    self._lost, self.note = 0, ""
        self._show()
        return self

    def press(self, action: str) -> JobMonitor:
        """Pause, resume or cancel the job, as its buttons do.

        Args:
            action: "pause", "resume" or "cancel".

        Returns:
            The monitor itself.

        Raises:
            ValueError: there is no such button.
        """
        if action not in ACTIONS:
            known = ", ".join(ACTIONS)
            raise ValueError(say("monitor.unknown", found=action, known=known))
        if self.history is None:
            return self
        jobs = self.connection.client.fine_tuning.jobs
        call = {"pause": jobs.pause, "resume": jobs.resume, "cancel": jobs.cancel}
        try:
            call[action](self.job_id)
            self.note = say(f"monitor.asked.{action}")
        except openai.APIStatusError as error:
            self.note = say("monitor.refused", error=reason(error))
        except openai.APIConnectionError:
            self.note = say("monitor.lost")
        return self.refresh()

    def close(self) -> None:
        """Stop looking at the job; the job itself goes on."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=self._poll_s + 5)

    def _watch(self) -> None:
        while not self._stop.wait(self._poll_s):
            try:
                self.refresh()
            except openai.OpenAIError as error:
                self.note = say("monitor.refused", error=reason(error))
                self._show()
                return
            if self.ended or self._lost > LOST_PATIENCE:
                return

    # --- showing ------------------------------------------------------------------

    def table(self) -> pd.DataFrame:
        """Return what is known as a table of two columns, `what` and `value`."""
        if self.history is None:
            return pd.DataFrame(columns=["what", "value"])
        frame = self.history.frame()
        rows = [("status", self.status), ("step", self._progress())]
        for key, column in (("loss", "train_loss"), ("full", "full_valid_loss")):
            known = frame[column].dropna()
            if len(known):
                rows.append((key, f"{known.iloc[-1]:.3f}"))
        if self.job and self.job.fine_tuned_model:
            rows.append(("model", self.job.fine_tuned_model))
        if self.job and self.job.error and self.job.error.message:
            rows.append(("error", self.job.error.message))
        if self.note:
            rows.append(("note", self.note))
        rows.append(("events", "\n".join(self.messages())))
        return pd.DataFrame(
            [{"what": say(f"monitor.{key}"), "value": value} for key, value in rows]
        )

    def messages(self, n: int = EVENTS) -> list[str]:
        """Return the last `n` events in words, oldest first."""
        if self.history is None:
            return []
        return [event.message for event in self.history.events[-n:]]

    def _progress(self) -> str:
        assert self.history is not None
        return f"{self.history.step} / {self.history.total_steps or '?'}"

    def picture(self) -> str:
        """Return the curve as an HTML image with alternative text, or nothing yet."""
        if self.history is None:
            return ""
        frame = self.history.frame()
        if len(frame["train_loss"].dropna()) < 2:
            return ""
        image = base64.b64encode(
            loss_svg(frame, self.history.total_steps).encode()
        ).decode("ascii")
        return (
            f'<img width="{WIDTH}" height="{HEIGHT}" alt="{_alt(frame)}" '
            f'src="data:image/svg+xml;base64,{image}">'
        )

    def _widget(self) -> Any:
        import ipywidgets

        self._bar = ipywidgets.IntProgress(
            min=0, max=1, layout=ipywidgets.Layout(width="60%")
        )
        self._words = ipywidgets.HTML()
        self._curve = ipywidgets.HTML()
        self._events = ipywidgets.HTML()
        self._buttons = {
            name: ipywidgets.Button(
                description=say(f"monitor.button.{name}"), icon=ICONS[name]
            )
            for name in (*ACTIONS, "look")
        }
        for name in ACTIONS:
            self._buttons[name].on_click(lambda _, name=name: self.press(name))
        self._buttons["look"].on_click(lambda _: self.refresh())
        buttons = ipywidgets.HBox(list(self._buttons.values()))
        return ipywidgets.VBox(
            [self._words, self._bar, self._curve, self._events, buttons]
        )

    def _show(self) -> None:
        """Bring the widget up to date, if there is one."""
        if self.widget is None or self.history is None:
            return
        self._bar.max = max(self.history.total_steps, 1)
        self._bar.value = self.history.step
        self._bar.bar_style = {
            "succeeded": "success", "failed": "danger", "cancelled": "warning",
        }.get(self.status, "info")  # fmt: skip
        words = self.table()
        lines = [f"<b>{html.escape(self.status)}</b> · {self._progress()}"]
        for what, value in words.iloc[2:-1].itertuples(index=False):
            lines.append(f"{html.escape(what)}: {html.escape(value)}")
        self._words.value = (
            f'<div role="status" class="companion-status">{"<br>".join(lines)}</div>'
        )
        self._curve.value = self.picture()
        self._events.value = "<br>".join(map(html.escape, self.messages()))
        paused = self.status in ("paused", "pausing")
        self._buttons["pause"].disabled = self.ended or paused
        self._buttons["resume"].disabled = not paused
        self._buttons["cancel"].disabled = self.ended

    def _repr_mimebundle_(self, **arguments: Any) -> dict[str, Any]:
        shown = {"text/plain": repr(self)}
        if self.history is not None:
            table = TextTable(self.table())._repr_html_()
            shown["text/html"] = "\n".join(filter(None, (table, self.picture())))
        if self.widget is not None:
            shown = self.widget._repr_mimebundle_(**arguments) | shown
        return shown

    def __repr__(self) -> str:
        if self.history is None:
            return say("monitor.none")
        lines = []
        for what, value in self.table().itertuples(index=False):
            lines.append(f"{what}: " + value.replace("\n", "\n    "))
        return "\n".join(lines)


def monitor(
    connection: Connection, job: FineTuningJob | str | Any, **settings: Any
) -> JobMonitor:
    """Watch a job, for the last line of a cell.

    Args:
        connection: where the job is.
        job: the job or its id; a blank shows that there is none.
        settings: further arguments of JobMonitor.
    """
    return JobMonitor(connection, job, **settings)


# --- the curve --------------------------------------------------------------------


def loss_svg(frame: pd.DataFrame, total_steps: int = 0) -> str:
    """Draw training loss as a line and the loss on all validation rows as diamonds.

    Args:
        frame: one row per step: step, train_loss and full_valid_loss, which may be
            empty.
        total_steps: where the job will end, while it still runs.

    Returns:
        An SVG image of WIDTH by HEIGHT pixels; both axes start at zero.
    """
    last = max(int(frame["step"].max()) if len(frame) else 1, total_steps, 1)
    losses = frame[["train_loss", "full_valid_loss"]].max(axis=None)
    top = float(losses) if pd.notna(losses) and losses > 0 else 1.0

    def place(step: float, loss: float) -> tuple[float, float]:
        x = EDGE + (WIDTH - 2 * EDGE) * step / last
        y = HEIGHT - 20 - (HEIGHT - 36) * min(loss, top) / top
        return round(x, 1), round(y, 1)

    left, floor = place(0, 0)
    right, ceiling = place(last, top)
    train = frame[["step", "train_loss"]].dropna()
    full = frame[["step", "full_valid_loss"]].dropna()
    line = " ".join("{},{}".format(*place(*row)) for row in train.to_numpy())
    marks = "".join(
        f'<path d="M{x} {y - 6}L{x + 6} {y}L{x} {y + 6}L{x - 6} {y}Z" fill="{GREEN}"/>'
        for x, y in (place(*row) for row in full.to_numpy())
    )
    texts = [
        _text(left - 4, ceiling + 4, f"{top:.1f}", "end"),
        _text(left - 4, floor + 4, "0", "end"),
        _text(right, floor + 15, str(last), "end"),
    ]
    if len(train):
        x, y = place(*train.to_numpy()[-1])
        value = f"{train['train_loss'].iloc[-1]:.2f}"
        texts.append(_text(x + 4, y - 4, value, "start", BLUE))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
        f'<path d="M{left} {ceiling}V{floor}H{right}" fill="none" stroke="{GREY}"/>'
        f'<polyline points="{line}" fill="none" stroke="{BLUE}" stroke-width="1.5"/>'
        f"{marks}{''.join(texts)}</svg>"
    )


def _text(x: float, y: float, text: str, anchor: str, colour: str = INK) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-family="sans-serif" font-size="11" '
        f'text-anchor="{anchor}" fill="{colour}">{text}</text>'
    )


def _alt(frame: pd.DataFrame) -> str:
    train = frame[["step", "train_loss"]].dropna()
    return say(
        "monitor.picture",
        first=train["train_loss"].iloc[0], last=train["train_loss"].iloc[-1],
        steps=int(train["step"].iloc[-1]),
    )  # fmt: skip
