"""A playground: one prompt in, the answers of several models side by side.

Purpose: what OpenAI's playground shows in the browser, in a notebook: base and
fine-tuned model next to each other, with tokens and seconds, temperature and longest
answer to choose. Without a front end the same output holds the last answers as a table,
and `.ask("...")` asks.

    playground(here, {"base": here.base_model, "fine-tuned": job.fine_tuned_model})

One answer proves nothing: it is for looking, `helpers.evaluation` is for judging.
It must never know a provider beyond its client, nor hold what later cells need.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import openai
import pandas as pd

from helpers.connect import Connection
from helpers.evaluation import Answer, ask
from helpers.messages import say
from helpers.tables import TextTable
from helpers.widgets import reason, unwanted

MAX_TOKENS = 200
TEMPERATURES = (0.0, 2.0)  # what the API allows


class Playground:
    """Asks several models the same and shows the answers side by side.

    Args:
        connection: where the models are.
        models: name for people -> id of a model; names without an id are left out.
        system: system text that goes before every prompt; none if it is empty.
        prompt: a first prompt; it is asked at once.
        temperature: 0 gives the most likely answer, more gives chance a say.
        max_tokens: longest answer, in tokens.

    Attributes:
        answers: name -> answer to the last prompt.
        asked: the last prompt.
        widget: for a front end; None where widgets are not wanted.

    Raises:
        ValueError: there is no model.
        SpendingRefused: the provider bills, and nobody said yes.
    """

    def __init__(
        self,
        connection: Connection,
        models: Mapping[str, str | None],
        *,
        system: str = "",
        prompt: str = "",
        temperature: float = 0.0,
        max_tokens: int = MAX_TOKENS,
    ) -> None:
        self.connection = connection
        self.models = {
            name: model for name, model in models.items() if isinstance(model, str)
        }
        if not self.models:
            raise ValueError(say("playground.models"))
        # A button cannot ask at the keyboard, so it is asked beforehand.
        connection.confirm(say("playground.billed"))
        self.system = system
        self.temperature = temperature
        self.max_tokens = max_tokens
        self.asked = ""
        self.answers: dict[str, Answer] = {}
        self.widget: Any = None if unwanted() else self._widget(prompt)
        if prompt:
            self.ask(prompt)

    # --- asking -------------------------------------------------------------------

    def ask(
        self,
        prompt: str,
        *,
        system: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> Playground:
        """Ask all models, one after the other, so that none slows another down.

        A model that gives no answer says why in its place.

        Args:
            prompt: the user's text.
            system: system text; that of the playground without it.
            temperature: 0 to 2; that of the playground without it.
            max_tokens: longest answer; that of the playground without it.

        Returns:
            The playground itself, so that the last line of a cell shows it.
        """
        system = self.system if system is None else system
        messages = [{"role": "system", "content": system}] if system else []
        messages.append({"role": "user", "content": prompt})
        if temperature is None:
            temperature = self.temperature
        if max_tokens is None:
            max_tokens = self.max_tokens
        self.asked, self.answers = prompt, {}
        for name, model in self.models.items():
            try:
                (answer,) = ask(
                    self.connection.client,
                    model,
                    [messages],
                    temperature=temperature,
                    max_tokens=max_tokens,
                    at_once=1,
                    show=False,
                )
            except openai.OpenAIError as error:
                answer = Answer(say("playground.failed", error=reason(error)))
            self.answers[name] = answer
            self._show()
        return self

    def table(self) -> pd.DataFrame:
        """Return the last answers: one row per model."""
        rows = [
            {
                say("playground.column.system"): name,
                say("playground.column.answer"): answer.text,
                say("playground.column.tokens"): f"{answer.prompt_tokens} / "
                f"{answer.completion_tokens}",
                say("playground.column.seconds"): f"{answer.seconds:.1f}",
            }
            for name, answer in self.answers.items()
        ]
        return pd.DataFrame(rows)

    # --- showing ------------------------------------------------------------------

    def _widget(self, prompt: str) -> Any:
        import ipywidgets

        wide = ipywidgets.Layout(width="98%")
        self._prompt = ipywidgets.Textarea(
            value=prompt, description=say("playground.prompt"), rows=4, layout=wide
        )
        self._system = ipywidgets.Text(
            value=self.system, description=say("playground.system"), layout=wide
        )
        low, high = TEMPERATURES
        self._temperature = ipywidgets.FloatSlider(
            value=self.temperature, min=low, max=high, step=0.1,
            description=say("playground.temperature"), continuous_update=False,
        )  # fmt: skip
        self._max_tokens = ipywidgets.BoundedIntText(
            value=self.max_tokens, min=1, max=4096,
            description=say("playground.max_tokens"),
        )  # fmt: skip
        self._button = ipywidgets.Button(
            description=say("playground.ask"), button_style="primary"
        )
        self._button.on_click(lambda _: self._ask_widget())
        self._columns = {
            name: ipywidgets.HTML(layout=ipywidgets.Layout(width="48%"))
            for name in self.models
        }
        settings = [self._temperature, self._max_tokens, self._button]
        box = ipywidgets.VBox(
            [
                self._system,
                self._prompt,
                ipywidgets.HBox(settings),
                ipywidgets.HBox(list(self._columns.values())),
            ]
        )
        self._fill()
        return box

    def _ask_widget(self) -> None:
        """Ask what stands in the widget; the button rests until all have answered."""
        if not self._prompt.value.strip():
            return
        self._button.disabled = True
        try:
            self.ask(
                self._prompt.value,
                system=self._system.value,
                temperature=self._temperature.value,
                max_tokens=self._max_tokens.value,
            )
        finally:
            self._button.disabled = False

    def _show(self) -> None:
        if self.widget is not None:
            self._fill()

    def _fill(self) -> None:
        for name, column in self._columns.items():
            answer = self.answers.get(name)
            head = f"<b>{html.escape(name)}</b> ({html.escape(self.models[name])})"
            if answer is None:
                column.value = f"{head}<br>…"
                continue
            counts = say(
                "playground.counts",
                prompt=answer.prompt_tokens, completion=answer.completion_tokens,
                seconds=answer.seconds,
            )  # fmt: skip
            column.value = (
                f'{head}<div class="companion-answer" style="white-space: pre-wrap">'
                f"{html.escape(answer.text)}</div><small>{counts}</small>"
            )

    def _repr_mimebundle_(self, **arguments: Any) -> dict[str, Any]:
        shown = {"text/plain": repr(self)}
        if self.answers:
            label = html.escape(say("playground.prompt"))
            prompt = html.escape(self.asked).replace("\n", "<br>")
            table = TextTable(self.table())._repr_html_()
            shown["text/html"] = f"<p>{label}: {prompt}</p>\n{table}"
        if self.widget is not None:
            shown = self.widget._repr_mimebundle_(**arguments) | shown
        return shown

    def __repr__(self) -> str:
        if not self.answers:
            return say("playground.nothing")
        asked = f"{say('playground.prompt')}: {self.asked}"
        return f"{asked}\n\n{TextTable(self.table())!r}"


def playground(
    connection: Connection, models: Mapping[str, str | None], **settings: Any
) -> Playground:
    """Try models out side by side, for the last line of a cell.

    Args:
        connection: where the models are.
        models: name for people -> id of a model; names without an id are left out.
        settings: further arguments of Playground.
    """
    return Playground(connection, models, **settings)
