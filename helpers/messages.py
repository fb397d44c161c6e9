"""What helpers say to people, kept in one place and ready for translation.

Purpose: every sentence that a learner reads from `helpers` stands here under a stable
key, so that a translator has one file to work on (`pybabel extract -k N_`).
It must never know where a sentence is shown, and it never holds words of the wire
contract: what OpenAI's API says stays English, in the module that says it.
"""

from __future__ import annotations

import gettext
import os
from functools import lru_cache
from pathlib import Path

DOMAIN = "helpers"
LOCALE_DIR = Path(__file__).parent / "locale"


def N_(text: str) -> str:
    """Mark `text` for extraction and return it unchanged."""
    return text


@lru_cache(maxsize=8)
def _translation(language: str) -> gettext.NullTranslations:
    return gettext.translation(
        DOMAIN, LOCALE_DIR, languages=[language] if language else [], fallback=True
    )


def _(text: str) -> str:
    """Translate `text` into the language of COMPANION_LANGUAGE, else return it."""
    return _translation(os.environ.get("COMPANION_LANGUAGE", "")).gettext(text)


def say(key: str, /, **values: object) -> str:
    """Return the sentence `key`, translated, with `values` filled in.

    Raises:
        KeyError: there is no sentence of that key.
    """
    return _(TEXTS[key]).format(**values)


def problem_text(code: str, /, **values: object) -> tuple[str, str]:
    """Return (reason, fix) of a problem in a training file.

    Raises:
        KeyError: there is no problem of that code.
    """
    reason, fix = PROBLEMS[code]
    return _(reason).format(**values), _(fix).format(**values)


# Problems of training files: code -> (what is wrong, how to mend it).
PROBLEMS: dict[str, tuple[str, str]] = {
    # The file as a whole.
    "empty_file": (
        N_("The file has no examples."),
        N_("Write one JSON object per line; at least {minimum} lines are needed."),
    ),
    "utf16": (
        N_("The file is written in UTF-16, not in UTF-8."),
        N_("Save it again as UTF-8 (in Python: open(path, 'w', encoding='utf-8'))."),
    ),
    "compressed": (
        N_("The file is a compressed archive, not text."),
        N_("Unpack it and give the .jsonl file inside."),
    ),
    "json_list": (
        N_("The file is one JSON list; JSON Lines has one object per line."),
        N_("Write every object of the list on a line of its own, without commas."),
    ),
    "spread_over_lines": (
        N_("One JSON object is spread over several lines."),
        N_("Write it on one line: json.dumps(example) without indent."),
    ),
    "byte_order_mark": (
        N_("The file starts with a byte order mark (EF BB BF)."),
        N_(
            "Nothing to mend: it is read here and at OpenAI, and Azure asks for it. "
            "To leave it out, save as 'utf-8' instead of 'utf-8-sig'."
        ),
    ),
    "windows_line_endings": (
        N_("Lines end with CR LF, as on Windows."),
        N_("Nothing breaks; to be safe write with open(..., newline='\\n')."),
    ),
    "too_few_examples": (
        N_("The file has {count} example(s); at least {minimum} are needed."),
        N_("Add examples. OpenAI suggests 50 to 100 to see an effect."),
    ),
    # One line.
    "blank_line": (
        N_("The line is empty."),
        N_("Delete it; every line has to hold one JSON object."),
    ),
    "invalid_utf8": (
        N_("Byte {byte} at column {column} is not UTF-8."),
        N_("Save the file as UTF-8. It may have been saved as {guess}."),
    ),
    "invalid_json": (
        N_("This is not valid JSON: {error} (column {column})."),
        N_("{hint}"),
    ),
    "not_an_object": (
        N_("The line holds {found}, not a JSON object."),
        N_('Wrap it: {{"messages": [...]}}.'),
    ),
    "wrong_method": (
        N_(
            "The example is in the {found} format; the training method '{method}' "
            "needs {expected}."
        ),
        N_("{hint}"),
    ),
    # The shape of one example.
    "missing_key": (
        N_("The key '{key}' is missing."),
        N_("Add '{key}'{where}."),
    ),
    "unknown_key": (
        N_("The key '{key}' is not known here."),
        N_("Delete it{guess}. Hosted services refuse keys that they do not know."),
    ),
    "wrong_type": (
        N_("Found {found}, expected {expected}."),
        N_("Write {expected} here."),
    ),
    "wrong_value": (
        N_("Found {found}, expected {expected}."),
        N_("Use {expected}."),
    ),
    "empty_list": (
        N_("The list is empty."),
        N_("Put at least one element into it, or leave the key out."),
    ),
    "role_missing": (
        N_("The message has no 'role'."),
        N_("Say who speaks: system, user or assistant."),
    ),
    "role_unknown": (
        N_("The role '{found}' does not exist."),
        N_("Use one of {expected}{guess}."),
    ),
    # The order of messages.
    "last_not_assistant": (
        N_("The last message is from '{found}', so there is no answer to learn."),
        N_("End the example with the assistant's answer."),
    ),
    "last_not_user": (
        N_("The last message is from '{found}'; here the model answers itself."),
        N_("End the example with the user's message."),
    ),
    "system_not_first": (
        N_("The {role} message is not the first one."),
        N_("Move it to the start, as the model will see it in use."),
    ),
    "same_role_twice": (
        N_("Two messages from '{role}' follow each other."),
        N_("Join them into one, or add the message that is missing in between."),
    ),
    "answer_first": (
        N_("The assistant speaks before the user has asked anything."),
        N_("Put the user's message first."),
    ),
    "no_user": (
        N_("There is no message from the user."),
        N_("Add the question that this answer belongs to."),
    ),
    # Tools.
    "tool_without_call": (
        N_("This tool result answers no tool call before it (id '{found}')."),
        N_("Set 'tool_call_id' to the 'id' of a call in the assistant message before."),
    ),
    "call_without_result": (
        N_("The call '{found}' gets no result before the talk goes on."),
        N_("Add a message with role 'tool' and this 'tool_call_id'."),
    ),
    "bad_arguments": (
        N_("The arguments of '{name}' are not JSON text: {error}."),
        N_('Write them as a JSON string, such as "{{\\"city\\": \\"Seoul\\"}}".'),
    ),
    "unknown_tool": (
        N_("The tool '{name}' is called, but the example's 'tools' do not list it."),
        N_("Describe it under 'tools', as the model will see it in use."),
    ),
    # Answers.
    "missing_answer": (
        N_("The assistant message has neither 'content' nor 'tool_calls'."),
        N_("Write the answer into 'content'."),
    ),
    "empty_answer": (
        N_("The assistant's answer is empty: the model would learn to say nothing."),
        N_("Write the answer, or delete the example."),
    ),
    "empty_content": (
        N_("The {role} message is empty."),
        N_("Write its text, or delete the message."),
    ),
    "nothing_to_learn": (
        N_("Every answer has weight 0, so there is nothing to learn."),
        N_("Give at least one answer the weight 1, or delete the example."),
    ),
    "reserved_token": (
        N_("The text contains {found}, a control token of OpenAI's models."),
        N_("Delete it or spell it otherwise; OpenAI refuses the file."),
    ),
    "image_content": (
        N_("The message holds a picture; the local model reads text only."),
        N_("Describe it in words, or train on a hosted model that sees."),
    ),
    "too_long": (
        N_("The example has {count} tokens; the model reads {limit}."),
        N_("Shorten it: what is beyond the limit is cut off, the answer first."),
    ),
    # Examples compared with each other.
    "duplicate_example": (
        N_("The same example stands in line {other}."),
        N_("Delete one of the two, unless it should count twice."),
    ),
    "contradicting_answers": (
        N_("Line {other} has the same prompt and another answer."),
        N_("Decide which answer is right and delete the other."),
    ),
    "leak": (
        N_("The same example stands in {file}, line {other}."),
        N_("Delete it here: a score on rows seen in training says nothing."),
    ),
    "leaked_prompt": (
        N_("The same prompt stands in {file}, line {other}, with another answer."),
        N_("Delete it here: a score on prompts seen in training says little."),
    ),
    "system_prompt_mixed": (
        N_(
            "{count} of {total} examples have another system prompt than the most: "
            "{found}, not {expected}."
        ),
        N_("Use one system prompt for one task, in training and afterwards."),
    ),
    "system_prompt_differs": (
        N_("The system prompt {found} is not the one of {file}: {expected}."),
        N_("Test with the very prompt that you train with."),
    ),
    # Personal data and keys.
    "personal_data": (
        N_("This looks like {kind}: {masked}."),
        N_("Delete it or write a placeholder; a model can repeat what it has read."),
    ),
    "secret": (
        N_("This looks like {kind}: {masked}."),
        N_("Delete it, and have the key replaced: whoever has the file has the key."),
    ),
}

# Hints that fill the field `hint` above, and other sentences.
TEXTS: dict[str, str] = {
    "json.quotes": N_(
        "Use double quotes around names and texts: json.dumps writes them, "
        "str(dict) does not."
    ),
    "json.comma": N_("Look for a comma too many or too few before this column."),
    "json.extra": N_("Two objects share the line: write each on its own line."),
    "json.cut": N_("The line breaks off: the file was cut, or a quote is missing."),
    "json.control": N_("Write line breaks and tabs inside texts as \\n and \\t."),
    "json.surrogate": N_("Half of a character is left; write the file anew as UTF-8."),
    "json.deep": N_("The lists or objects are nested too deeply; flatten them."),
    "json.mark": N_(
        "A byte order mark stands inside the file, as when two files are joined: "
        "delete it."
    ),
    "json.other": N_("Write the line with json.dumps(example)."),
    "format.chat": N_("chat"),
    "format.preference": N_("preference (DPO)"),
    "format.completion": N_("prompt/completion"),
    "expects.supervised": N_("chat examples ('messages')"),
    "expects.dpo": N_(
        "preferences ('input', 'preferred_output', 'non_preferred_output')"
    ),
    "expects.reinforcement": N_("prompts ('messages' that end with the user)"),
    "method.preference": N_("Train with method='dpo', or rewrite it as 'messages'."),
    "method.chat": N_("Train with method='supervised', or write preferences."),
    "method.completion": N_(
        "Rewrite it: prompt becomes a user message, completion an assistant message."
    ),
    "where.message": N_(" to the message"),
    "where.example": N_(" to the example"),
    "guess.weight": N_(" (only messages of the assistant have a weight)"),
    "guess": N_(" (did you mean '{found}'?)"),
    "report.clean": N_("No problems found."),
    "report.file": N_("{file}: {count} examples"),
    "report.totals": N_("{errors} error(s), {warnings} warning(s)."),
    "report.more": N_("… and {count} more of '{code}'."),
    "report.tokens": N_(
        "{total} tokens; {mean:.0f} per example, {p5} to {p95} in 90 % of them, "
        "{longest} at most"
    ),
    "type.text": N_("text"),
    "type.list": N_("a list"),
    "type.object": N_("an object"),
    "type.bool": N_("true or false"),
    "type.null": N_("null"),
    "found.null": N_("null"),
    "found.number": N_("the number {value}"),
    "found.text": N_("the text '{value}'"),
    "found.list": N_("a list"),
    "found.object": N_("an object"),
    "prompt.none": N_("(none)"),
    # Recipes.
    "recipes.missing": N_(
        "There is no recipe file at {path}. Set COMPANION_RECIPES to a CSV file, or "
        "make the one that comes along: python -m tools.make_recipes"
    ),
    "recipes.unreadable": N_("{path} cannot be read as CSV: {error}"),
    "recipes.columns": N_(
        "{path} lacks the column(s) {missing}; it has {found}. Needed are title, "
        "ingredients and NER."
    ),
    "recipes.few": N_("{path} has {found} rows; the splits need {needed}."),
    "recipes.list": N_(
        "{path}, row {row}, column '{column}': found {found!r}, expected a JSON list "
        "of texts."
    ),
    "recipes.split": N_("The split '{split}' has {size} rows; {asked} were asked for."),
    "prompting.few": N_("k is {k}, but there are {found} examples to show."),
    # Evaluation.
    "ask.resume": N_(
        "{done} of {total} answers are kept; run this again to ask the rest."
    ),
    "ask.failed": N_(
        "{done} of {total} answers had come; give `keep=` a file to go on from there."
    ),
    "compare.rows": N_(
        "The first system answered {first} rows, the second {second}; compare the same "
        "rows."
    ),
    "answer.unreadable": N_("(not a list) {text}"),
    "metric.f1": N_("F1"),
    "metric.precision": N_("precision"),
    "metric.recall": N_("recall"),
    "metric.exact": N_("exact lists"),
    "metric.valid": N_("readable lists"),
    "verdict.better": N_(
        "better: {metric} {value:+.2f} (95 % interval {low:+.2f} to {high:+.2f})"
    ),
    "verdict.worse": N_(
        "worse: {metric} {value:+.2f} (95 % interval {low:+.2f} to {high:+.2f})"
    ),
    "verdict.cannot_tell": N_(
        "cannot tell: {metric} {value:+.2f} (95 % interval {low:+.2f} to {high:+.2f} "
        "contains 0)"
    ),
    # Connections.
    "connect.local": N_("the local provider"),
    "connect.provider": N_("Provider: {label} at {url}"),
    "connect.model": N_("Base model: {model}"),
    "connect.free": N_("Cost: nothing; nothing leaves this machine."),
    "connect.billed": N_(
        "Cost: calls may be billed; you are asked before a job is started."
    ),
    "connect.unknown": N_(
        "COMPANION_PROVIDER is '{found}'; it can be local, openai, azure or a URL that "
        "starts with http:// or https://."
    ),
    "connect.azure": N_(
        "Azure needs an address as well: set AZURE_OPENAI_ENDPOINT to the endpoint of "
        "your resource, such as https://NAME.openai.azure.com"
    ),
    "connect.no_model": N_(
        "{url} lists no models; set COMPANION_MODEL to the one to fine-tune."
    ),
    "key.question": N_("Key for {service} ({name}; it is not shown):"),
    "key.missing": N_(
        "No key for {service} was found. Set {name} in the environment, in Colab's or "
        "Codespaces' secrets, or in a file .env. Without any key everything runs on "
        "the local provider: COMPANION_PROVIDER=local"
    ),
    "spend.estimate": N_("{label} bills its calls. {what}"),
    "spend.question": N_("Go on? Type yes:"),
    "spend.refused": N_(
        "Stopped before anything was spent. To go on, answer yes, or set "
        "COMPANION_SPEND=yes for a run without a keyboard."
    ),
    "start.locked": N_(
        "Another process has been starting the provider in {home} for minutes. End it, "
        "or delete start.lock there, and try again."
    ),
    "start.silent": N_(
        "The local provider at {url} (process {pid}) runs but does not answer. Stop it "
        "with: python -m helpers.provider stop"
    ),
    "start.ended": N_(
        "The local provider ended at its start (exit code {code}). It said:\n{log}"
    ),
    "start.slow": N_(
        "The local provider did not answer within {seconds:.0f} seconds and was ended. "
        "It said:\n{log}"
    ),
    "start.not_stopped": N_(
        "The local provider runs without https and could not be started again with it. "
        "Stop it with: python -m helpers.provider stop. It said: {log}"
    ),
    "azure.local": N_("the local provider, in Azure's dialect,"),
    "azure.missing": N_(
        "Azure's control plane needs more variables: {names}. `az account show` tells "
        "the subscription; the portal shows the resource group."
    ),
    "azure.deploy.tokens": N_(
        "Deploy {model} as {name} ({sku}): nothing by the hour, but every token of a "
        "call is billed."
    ),
    "azure.deploy.hour": N_(
        "Deploy {model} as {name} ({sku}): {amount} {currency} per hour (as of {date}) "
        "until it is deleted, used or not, and every token of a call."
    ),
    "azure.deploy.no_price": N_(
        "Deploy {model} as {name} ({sku}): billed by the hour until it is deleted; "
        "data/prices.csv has no price."
    ),
    "azure.not_ready": N_("The deployment {name} ended as {state}."),
    "azure.waited": N_("{id} is still {state} after {seconds:.0f} seconds."),
    "azure.topic": N_("data/azure.csv has nothing about '{found}', but: {known}."),
    "azure.ask": N_("Ask {n} questions to the deployment {name}."),
    # Charts.
    "chart.training": N_("training"),
    "chart.validation": N_("validation (a batch)"),
    "chart.full": N_("validation (all)"),
    "chart.step": N_("step"),
    "chart.loss.title": N_("Loss during fine-tuning"),
    "chart.loss.axis": N_("loss"),
    "chart.accuracy.title": N_("Token accuracy during fine-tuning"),
    "chart.accuracy.axis": N_("share of tokens predicted"),
    "chart.f1": N_("F1 over ingredient names"),
    "chart.exact": N_("lists that are exactly right"),
    "chart.bands": N_("Points: the score. Bands: its 95 % interval."),
    "reading.nothing": N_("No metrics yet."),
    "reading.loss": N_("loss"),
    "reading.accuracy": N_("accuracy"),
    "reading.loss.training": N_(
        "Training loss went from {first:.2f} to {last:.2f} in {steps} steps."
    ),
    "reading.accuracy.training": N_(
        "Training accuracy went from {first:.2f} to {last:.2f} in {steps} steps."
    ),
    "reading.full.once": N_("On the whole validation file it is {last:.2f}."),
    "reading.full.fine": N_(
        "On the whole validation file the {what} ended at {last:.2f}, at or near its "
        "best ({best:.2f}, step {step}): no sign of overfitting."
    ),
    "reading.full.rose": N_(
        "On the whole validation file the {what} was best at step {step} ({best:.2f}) "
        "and ended at {last:.2f}: from there on the model learned its training rows by "
        "heart."
    ),
    "reading.score": N_(
        "{name}: F1 {value:.2f} (95 % interval {low:.2f} to {high:.2f}), {exact:.0f} % "
        "of lists exact"
    ),
    "reading.scores": N_("On {n} recipes: {scores}."),
    # The environment.
    "environment.python": N_("Python {version}"),
    "environment.python.mend": N_(
        "3.11 or newer is needed. Install it, then: make HOST_PYTHON=... lab"
    ),
    "environment.packages": N_("{found} of {total} packages"),
    "environment.packages.mend": N_(
        "Missing: {names}. Open the notebook with: make lab (it installs them)."
    ),
    "environment.model": N_("base model, {size:.1f} MB"),
    "environment.model.mend": N_(
        "Its weights are not in data/base_model. Clone the repository again, or make "
        "them (hours): make base-model"
    ),
    "environment.folder": N_("folder to write into"),
    "environment.folder.mend": N_(
        "It cannot be written ({error}). Set COMPANION_OUT to a folder of yours."
    ),
    "environment.disk": N_("{free:.0f} GiB free on the disk"),
    "environment.disk.mend": N_("1 GiB is needed. Make room, then go on."),
    "environment.ready": N_("Everything is there."),
    "environment.not_ready": N_("Mend the lines marked [FAIL], then run this again."),
    "environment.restart": N_(
        "Restart the kernel once, then run the notebook from the top: {names} had been "
        "loaded in another version."
    ),
    # Widgets.
    "widget.row": N_("row"),
    # Checks of exercises.
    "check.bill.right": N_(
        "Right: {tokens} tokens. The tutorial's number is {times:.1f} times as large."
    ),
    "check.bill.type": N_(
        "Not yet: a number of tokens is asked for; this is a {found}."
    ),
    "check.bill.claim": N_("Not yet: that is the claim. What do its own numbers give?"),
    "check.bill.epoch": N_("Not yet: that is what one pass over the file reads."),
    "check.bill.example": N_(
        "Not yet: that is one example. The file has more of them."
    ),
    "check.bill.wrong": N_(
        "Not yet: count in three steps: tokens of an example, of the file, of all "
        "epochs."
    ),
    "check.candidate.right": N_("Right: {name}, with {facts:.0%} of the facts."),
    "check.candidate.type": N_("Not yet: give one of the candidates: {known}."),
    "check.candidate.none": N_(
        "Not yet: none of them has a style of {least:.0%} or more. Any choice is a "
        "bad one: train again."
    ),
    "check.candidate.style": N_(
        "Not yet: this one shows the style in less than {least:.0%}."
    ),
    "check.candidate.only_style": N_(
        "Not yet: it has the most style. But style was only to be enough; what comes "
        "second?"
    ),
    "check.candidate.facts": N_(
        "Not yet: another one with enough style keeps more facts."
    ),
    "check.mix.right": N_(
        "Right: {n} rows: the prompt decides whether the style is there."
    ),
    "check.mix.type": N_(
        "Not yet: a list of examples is asked for; this is a {found}."
    ),
    "check.mix.examples": N_(
        "Not yet: every entry has to be an example with `messages`."
    ),
    "check.mix.strangers": N_("Not yet: some questions are not from the rows given."),
    "check.mix.style_without_prompt": N_(
        "Not yet: a row has the remark but no system prompt: that teaches it to do so "
        "always."
    ),
    "check.mix.prompt_without_style": N_(
        "Not yet: a row has the system prompt but no remark: that teaches it to ignore "
        "the prompt."
    ),
    "check.mix.number": N_(
        "Not yet: {styled} with the style and {simple} without; {n} in all are asked "
        "for, half of each."
    ),
    "check.costing.right": N_("Right: {n} of them cost money every hour."),
    "check.costing.type": N_(
        "Not yet: a list of names is asked for; this is a {found}."
    ),
    "check.costing.names": N_("Not yet: there is no deployment named {found}."),
    "check.costing.base": N_(
        "Not yet: a base model is among them. Only fine-tuned models are billed by the "
        "hour."
    ),
    "check.costing.developer": N_(
        "Not yet: one of them is on a tier without a price by hour."
    ),
    "check.costing.gone": N_("Not yet: one of them is not there any more, or not yet."),
    "check.costing.more": N_("Not yet: there is another one."),
    "check.not_tried": N_("Not tried yet. You can go on without it."),
    "check.rows.right": N_("Right: these are the first {n} rows, no more, no fewer."),
    "check.rows.type": N_(
        "Not yet: this is a {found}. Take rows of `recipes`, a table."
    ),
    "check.rows.one_more": N_(
        "Not yet: these are {found} rows. `.loc` takes both ends along; `.iloc` and "
        "`.head` count otherwise."
    ),
    "check.rows.length": N_("Not yet: these are {found} rows, not {n}."),
    "check.rows.others": N_(
        "Not yet: {n} rows, but not the first ones. Where does counting start?"
    ),
    "check.percentiles.right": N_(
        "Right: 5 % of the examples have fewer than {low:.0f} tokens, 5 % more than "
        "{high:.0f}."
    ),
    "check.percentiles.type": N_("Not yet: both have to be numbers."),
    "check.percentiles.swapped": N_("Not yet: the two stand in the wrong order."),
    "check.percentiles.tenths": N_(
        "Not yet: this is what the tutorial prints. A tenth of the examples lie below "
        "the first number. How many should?"
    ),
    "check.percentiles.shares": N_(
        "Not yet: these are shares between 0 and 1. Wanted are token counts."
    ),
    "check.percentiles.half": N_("Not yet: one of the two is right, the other is not."),
    "check.percentiles.wrong": N_(
        "Not yet. Sort the lengths in your mind: which one has 5 % of them below it?"
    ),
    "check.checkpoint.right": N_(
        "Right: step {step} has the lowest loss on the validation file: {loss:.3f}."
    ),
    "check.checkpoint.type": N_(
        "Not yet: give one of `checkpoints`, its name, or its step number."
    ),
    "check.checkpoint.train": N_(
        "Not yet: this one is best on rows that it was trained on. Which loss tells "
        "about recipes that it has not seen?"
    ),
    "check.checkpoint.accuracy": N_(
        "Not yet: you compared the token accuracy. Asked is the loss."
    ),
    "check.checkpoint.wrong": N_(
        "Not yet: another one has a lower `metrics.full_valid_loss`."
    ),
    # Jobs.
    "job.bar": N_("fine-tuning"),
    "job.loss": N_("loss {loss:.2f}"),
    "job.created": N_("Job {id} was created; it fine-tunes {model}."),
    "job.known": N_(
        "This job was submitted before: {id} ({status}). again=True makes another one."
    ),
    "job.files": N_("Nothing was uploaded, since the files have errors:\n{report}"),
    "job.no_reason": N_("the provider gave no reason"),
    "job.failed": N_("Job {id} failed: {message} (code {code}, param {param})"),
    "job.succeeded": N_("Job {id} has succeeded; the model is {model}"),
    "job.cancelled": N_("Job {id} was cancelled."),
    "job.no_results": N_("Job {id} is {status}; it has no result file yet."),
    "job.estimate": N_(
        "A job of {n} examples and {epochs} epoch(s) on {model}: about {tokens} tokens."
    ),
    "job.price": N_("That is about {cost} {currency} at the price of {date}."),
    "job.no_price": N_(
        "What they cost is not known here: see your provider's price page, and put it "
        "into data/prices.csv if you like."
    ),
    # Models and prices.
    "model.closes": N_(
        "{model} can be had until {date} (read on {read_on}: {source})."
    ),
    "model.closed": N_(
        "{model} ended on {date} (read on {read_on}: {source}); a job may be refused."
    ),
    "price.unreadable": N_(
        "{path}, line {line}: the row {row} cannot be read ({error}). A price is a "
        "number from 0 up, such as 0.15; a date looks like 2026-11-22."
    ),
    # The demo.
    "demo.provider": N_("1  Provider"),
    "demo.data": N_("2  Data"),
    "demo.job": N_("3  Fine-tuning"),
    "demo.ask": N_("4  The same recipes for all"),
    "demo.results": N_("5  Results"),
    "demo.rule": N_("hand-written rule"),
    "demo.base": N_("base model"),
    "demo.known": N_("base, words it knows"),
    "demo.tuned": N_("fine-tuned model"),
    "demo.column.system": N_("system"),
    "demo.column.f1": N_("F1 (95 % interval)"),
    "demo.column.exact": N_("exact lists"),
    "demo.column.tokens": N_("tokens"),
    "demo.column.seconds": N_("seconds"),
    "demo.per_call": N_("Tokens and seconds are those of one call, on average."),
    "demo.than_base": N_("Fine-tuned, compared with the base model: {verdict}"),
    "demo.than_rule": N_("Fine-tuned, compared with the rule: {verdict}"),
    "demo.than_known": N_(
        "Fine-tuned, compared with the base model asked for a shopping list, as in its "
        "pre-training: {verdict}"
    ),
    "demo.title": N_("{n} recipes that no system had seen"),
    "demo.picture": N_("Picture: {path}"),
    "demo.done": N_(
        "Done in {minutes:.1f} minutes. Next: make lab, and the same step by step."
    ),
    "demo.stop": N_(
        "The provider keeps running for the notebooks; to stop it: "
        "python -m helpers.provider stop"
    ),
    "demo.interrupted": N_("Stopped. Run it again: it goes on from where it was."),
    "demo.failed": N_("This did not work: {error}"),
    "demo.range": N_("--{name} has to be from {least} to {most}."),
    "demo.no_model": N_("Job {id} ended as {status}; there is no model to ask."),
    # Start here: environment, keys, map of the course, journey, resources.
    "environment.package.missing": N_("{name}: not installed"),
    "environment.package.other": N_("{name} {there} (the course uses {wanted})"),
    "environment.package.mend": N_(
        "{name} is too old. Open the notebook with: make lab (it installs the pinned "
        "one)."
    ),
    "key.none": N_("made by itself"),
    "key.place.itself": N_("in a folder of its own"),
    "key.place.environment": N_("in the environment"),
    "key.place.colab": N_("in Colab's secrets"),
    "key.place.dotenv": N_("in a file .env"),
    "key.place.nowhere": N_("not set"),
    "course.unreadable": N_(
        "{path} cannot be read as a notebook: {error}. Fetch it again: "
        "git checkout -- {path}"
    ),
    "course.column.notebook": N_("notebook"),
    "course.column.about": N_("what it is about"),
    "course.column.minutes": N_("minutes"),
    "course.to_come": N_("{title} (to come)"),
    "course.sum": N_("all together"),
    "course.at_least": N_("{minutes} or more"),
    "course.path.hour": N_("one hour"),
    "course.path.half_day": N_("half a day"),
    "course.path.day": N_("a full day"),
    "course.about.00_start_here": N_("everything ready, and the way ahead"),
    "course.about.01_meet_fine_tuning": N_("What is fine-tuning?"),
    "course.about.02_decide_when_and_why": N_("When, and why, is it worth it?"),
    "course.about.03_open_the_box": N_("How does it work inside?"),
    "course.about.10_prepare_data": N_("How do rows become training files?"),
    "course.about.20_fine_tune_recipe_assistant": N_("How is it done, step by step?"),
    "course.about.21_deploy_on_azure": N_("What is different on Azure?"),
    "course.about.22_fine_tune_with_hugging_face": N_(
        "How is it done with open libraries, on your own machine?"
    ),
    "course.about.23_train_without_code": N_("Can it be done without code?"),
    "course.about.24_compare_the_ways": N_(
        "Which call is which, and what moves along?"
    ),
    "course.about.30_evaluate_honestly": N_("Is it better, and how sure is that?"),
    "course.about.31_meet_the_limits": N_("What are its limits?"),
    "course.about.80_do_the_assignment": N_("Your turn, with data of your choice"),
    "course.column.place": N_("place"),
    "course.column.holds": N_("what it holds"),
    "course.place.notebooks": N_("the lessons; their solutions are in solutions/"),
    "course.place.helpers": N_("the code that lessons share, the local provider too"),
    "course.place.data": N_("recipes, the base model, tables with dates"),
    "course.place.docs": N_("why things are as they are; links to read on"),
    "course.place.tools": N_("how data and base model were made"),
    "course.place.tests": N_("what proves that all of it works"),
    "course.place.out": N_("what your notebooks write; git leaves it alone"),
    "journey.title": N_("From a base model to a verdict"),
    "journey.subtitle": N_(
        "Two ways lead from the same model to the same test. Try the upper one first."
    ),
    "journey.zone.without": N_("Without training: the baselines"),
    "journey.zone.with": N_("With training: fine-tuning"),
    "journey.zone.judge": N_("Judge, then decide"),
    "journey.back": N_("not better? mend the data, or stop"),
    "journey.on": N_("better"),
    "journey.name.base": N_("Base model"),
    "journey.name.prompt": N_("Prompt"),
    "journey.name.few_shot": N_("Few-shot"),
    "journey.name.rag": N_("RAG"),
    "journey.name.data": N_("Data"),
    "journey.name.job": N_("Training job"),
    "journey.name.checkpoints": N_("Checkpoints"),
    "journey.name.evaluation": N_("Evaluation"),
    "journey.name.verdict": N_("Verdict"),
    "journey.name.hosting": N_("Hosting and limits"),
    "journey.text.base": N_("has read a lot, never your task"),
    "journey.text.prompt": N_("say it clearly; costs little"),
    "journey.text.few_shot": N_("show examples; each call pays"),
    "journey.text.rag": N_("look texts up for each question"),
    "journey.text.data": N_("train, validate, test: your effort"),
    "journey.text.job": N_("the loss falls; paid for once"),
    "journey.text.checkpoints": N_("keep the best, maybe not the last"),
    "journey.text.evaluation": N_("one frozen test set, the same for all"),
    "journey.text.verdict": N_("better, worse, or cannot tell"),
    "journey.text.hosting": N_("what it costs to run, what it forgot"),
    "journey.alt": N_(
        "A map with ten numbered stops. From the base model (1) an upper way leads "
        "through the baselines without training: prompt (2), few-shot examples (3) and "
        "RAG, retrieved texts (4). A lower way leads through training: data (5), "
        "training job (6), checkpoints (7). Both end at one evaluation (8) on the same "
        "frozen test set. A verdict follows (9). When it is 'better', the way goes on "
        "to hosting and limits (10); when it is not, back to the data."
    ),
    "journey.column.stop": N_("stop"),
    "journey.column.what": N_("what happens"),
    "journey.column.where": N_("where you do it"),
    "step.use_case": N_("Say what should get better, and how you will measure it"),
    "step.data": N_("Write the training, validation and test files"),
    "step.baseline": N_("Measure the base model with prompts and examples"),
    "step.job": N_("Start the training job"),
    "step.checkpoint": N_("Choose a checkpoint by its validation loss"),
    "step.test": N_("Ask the chosen model the frozen test set"),
    "step.verdict": N_("Say better, worse or cannot tell"),
    "step.host": N_("Serve the model, and watch what it costs and forgets"),
    "check.order.right": N_("Right: this order keeps every comparison fair."),
    "check.order.type": N_("Not yet: write the letters as one text, such as 'BDA'."),
    "check.order.unknown": N_("Not yet: there is no step {letters}."),
    "check.order.twice": N_("Not yet: {letters} comes twice."),
    "check.order.missing": N_("Not yet: {count} step(s) are still missing."),
    "check.order.use_case": N_(
        "Not yet: {second} comes before {first}. How do you choose rows for a goal "
        "that nobody has named?"
    ),
    "check.order.data": N_(
        "Not yet: {second} comes before {first}. Which rows would you measure on?"
    ),
    "check.order.baseline": N_(
        "Not yet: {second} comes before {first}. If a better prompt were enough, what "
        "would you have paid for?"
    ),
    "check.order.job": N_(
        "Not yet: {second} comes before {first}. Where would that come from?"
    ),
    "check.order.checkpoint": N_(
        "Not yet: {second} comes before {first}. A test set that helps to choose is no "
        "test any more."
    ),
    "check.order.test": N_(
        "Not yet: {second} comes before {first}. What would it be based on?"
    ),
    "check.order.verdict": N_(
        "Not yet: {second} comes before {first}. Running a model costs every hour; "
        "what do you want to know first?"
    ),
    "check.question.right": N_("Right: a request that every service would take."),
    "check.question.type": N_(
        "Not yet: this is a {found}. Wanted is a list of messages."
    ),
    "check.question.json": N_(
        "Not yet: messages hold plain texts only; Python cannot write this one as JSON "
        "({error})."
    ),
    "check.question.format": N_("Not yet: {place}: {reason} {fix}"),
    "check.question.system": N_(
        "Not yet: the first message comes from '{found}'. Who tells the model its role?"
    ),
    "resources.missing": N_(
        "There is no table {path}. Fetch it again: git checkout -- data/resources.csv"
    ),
    "resources.columns": N_("{path} has the columns {found}; expected are {expected}."),
    "resources.field": N_(
        "{path}, line {line}, column '{column}': found {found!r}, expected {expected}."
    ),
    "resources.expected.address": N_("an address that starts with https://"),
    "resources.expected.once": N_("an address that no other line has"),
    "resources.expected.date": N_("a day such as 2026-11-22"),
    "resources.expected.one_of": N_("one of {values}"),
    "resources.expected.text": N_("a text"),
    "resources.expected.fields": N_(
        "{count} fields in the line (put a text with commas into quotes)"
    ),
    "resources.section.what": N_("What is fine-tuning?"),
    "resources.section.when": N_("When and why?"),
    "resources.section.how": N_("How?"),
    "resources.section.action": N_("Fine-tuning in action: tutorials"),
    "resources.section.limits": N_("What are the limits?"),
    "resources.section.afterwards": N_("After the lesson"),
    "resources.column.section": N_("part of the lesson"),
    "resources.column.title": N_("resource"),
    "resources.column.use": N_("what it is for"),
    "resources.column.note": N_("good to know"),
    "resources.column.named_by": N_("named by"),
    "resources.column.looked": N_("looked at"),
    "resources.column.links": N_("links"),
    "resources.column.seen": N_("of them seen"),
    "resources.named_by.lesson": N_("the lesson"),
    "resources.named_by.course": N_("this course"),
    "resources.not_seen": N_("{date}, not seen"),
    # When and why: prices, costs, billed jobs, freshness, the decision, its checks.
    "price.row": N_(
        "{amount} {currency} per {unit} for {what}, {model} ({date}, {sure})"
    ),
    "price.verified": N_("seen in the primary text"),
    "price.unverified": N_("not verified"),
    "price.columns": N_(
        "{path}, line {line}: nothing stands under {missing}. data/README.md says what "
        "each column holds."
    ),
    "cost.number": N_("{name} is {found}; it has to be a number from 0 up."),
    "cost.cached": N_(
        "cached_tokens is {cached}, more than the {prompt} tokens of the long prompt; "
        "only tokens of the prompt can be cached."
    ),
    "cost.months": N_("months is {found}; it has to be above 0."),
    "cost.unknown": N_("There is no number called '{name}'; there are {known}."),
    "cost.endless": N_("endless"),
    "cost.way.long": N_("examples in the prompt"),
    "cost.way.tuned": N_("fine-tuned, short prompt"),
    "cost.from": N_(
        "Fine-tuning is cheaper from {calls} calls on ({monthly} a month, over "
        "{months} months)."
    ),
    "cost.always": N_("Fine-tuning is cheaper from the first call on."),
    "cost.never": N_(
        "Fine-tuning is never cheaper: a call saves nothing that could pay for it."
    ),
    "cost.until": N_(
        "Fine-tuning is cheaper up to {calls} calls ({monthly} a month, over {months} "
        "months), and dearer above."
    ),
    "cost.reading": N_(
        "{calls} calls a month for {months} months cost {long} with the long prompt, "
        "{tuned} fine-tuned. {verdict}"
    ),
    "cost.column.way": N_("way"),
    "cost.column.per_1000_calls": N_("1,000 calls"),
    "cost.column.once": N_("once"),
    "cost.column.hosting_per_month": N_("hosting, a month"),
    "cost.column.total": N_("all in all"),
    "cost.field.calls_per_month": N_("Calls per month"),
    "cost.field.months": N_("Months"),
    "cost.field.long_prompt_tokens": N_("Tokens of a prompt with examples"),
    "cost.field.prompt_tokens": N_("Tokens of a prompt without"),
    "cost.field.answer_tokens": N_("Tokens of an answer"),
    "cost.field.cached_tokens": N_("Cached tokens of the long prompt"),
    "cost.field.input_price": N_("Base model: a million tokens sent"),
    "cost.field.cached_price": N_("Base model: a million cached tokens"),
    "cost.field.output_price": N_("Base model: a million tokens answered"),
    "cost.field.tuned_input_price": N_("Fine-tuned: a million tokens sent"),
    "cost.field.tuned_output_price": N_("Fine-tuned: a million tokens answered"),
    "cost.field.training_tokens": N_("Tokens to train on, all epochs"),
    "cost.field.training_price": N_("A million tokens of training"),
    "cost.field.work_hours": N_("Hours of work"),
    "cost.field.work_price": N_("An hour of work"),
    "cost.field.hosting_hours": N_("Hours of hosting a month (730: always)"),
    "cost.field.hosting_price": N_("An hour of hosting"),
    "cost.field.currency": N_("Currency"),
    "chart.cost.title": N_("Cost of {months} months, in {currency}"),
    "chart.cost.calls": N_("calls per month"),
    "chart.cost.money": N_("money for all months"),
    "chart.cost.yours": N_("your calls"),
    "chart.cost.even": N_("break-even"),
    "form.plain": N_(
        "Without a form to fill in: change the dict above, and run the cell again."
    ),
    "bill.nothing": N_("A bill of {billed} tokens cannot be compared with."),
    "bill.unreadable": N_("{path}, line {line}: the row cannot be read: {error}"),
    "fresh.row": N_("{table}, line {line}: {what}\n    {why}"),
    "fresh.date": N_(
        "{path}, line {line}, column {column}: '{found}' is no date such as 2026-11-22."
    ),
    "fresh.price": N_("{provider}, {model}: {what} {price}"),
    "fresh.old": N_(
        "The price is of {date}, {age} days old; {limit} are allowed. Look it up, then "
        "set price, date, read_on and source."
    ),
    "fresh.used": N_(
        "It ended on {date}, and the code uses it by this name. Use another one."
    ),
    "fresh.passed": N_(
        "The day {date} has come since this was read ({read_on}). Read the source "
        "again, then set the date and read_on."
    ),
    "fresh.some": N_("{n} row(s) are past their date on {today}."),
    "fresh.none": N_(
        "Nothing is past its date on {today} (prices may be {limit} days old)."
    ),
    "decision.title": N_("To fine-tune or not to fine-tune"),
    "decision.unknown": N_("There is no question called '{name}'; there are {known}."),
    "decision.bad": N_("The answer to '{name}' is {found}; wanted is {wanted}."),
    "decision.expects.text": N_("a text"),
    "decision.expects.choice": N_("'form', 'skill', 'facts' or 'changing facts'"),
    "decision.expects.yes_no": N_("True or False"),
    "decision.expects.number": N_("a number from 0 up"),
    "decision.expects.date": N_("a date such as 2026-11-22"),
    "decision.expects.score": N_(
        "a number, three numbers (value, low, high), or 'does not apply'"
    ),
    "decision.point": N_("{value:.2f} (no interval)"),
    "decision.yes": N_("yes"),
    "decision.no": N_("no"),
    "decision.never": N_("never"),
    "decision.open": N_("not answered"),
    "decision.question": N_("Question"),
    "decision.answer": N_("Answer"),
    "decision.group.use_case": N_("Use case"),
    "decision.group.alternatives": N_("Alternatives"),
    "decision.group.cost": N_("Cost"),
    "decision.group.benefits": N_("Benefits"),
    "decision.ask.use_case": N_("What should get better, in one sentence?"),
    "decision.ask.lacks": N_("What does the model lack?"),
    "decision.ask.metric": N_("What is measured?"),
    "decision.ask.target": N_("Which score is good enough?"),
    "decision.ask.rule": N_("What does a hand-written rule score?"),
    "decision.ask.zero_shot": N_(
        "What does the base model score, just asked (zero-shot)?"
    ),
    "decision.ask.few_shot": N_(
        "What does it score with examples in the prompt (few-shot)?"
    ),
    "decision.ask.rag": N_(
        "What does it score with retrieved text in the prompt (RAG)?"
    ),
    "decision.ask.tunable": N_("Can you fine-tune this model, with your account?"),
    "decision.ask.available_until": N_("Until which day can it be had?"),
    "decision.ask.work_hours": N_("How many hours of work will it take?"),
    "decision.ask.hours_to_spend": N_("How many hours do you have for it?"),
    "decision.ask.compute": N_("Is there something to train on, and to answer from?"),
    "decision.ask.examples": N_("How many training examples are there?"),
    "decision.ask.labels_checked": N_("Did a person check a sample of their answers?"),
    "decision.ask.may_use": N_("May you train on them (licence, privacy)?"),
    "decision.ask.months_to_pay_back": N_(
        "After how many months has it paid for itself (inf: never)?"
    ),
    "decision.ask.patience_months": N_("How many months may that take?"),
    "decision.ask.fine_tuned": N_("What does the fine-tuned model score?"),
    "decision.ask.gain": N_("How much is that above the best alternative, in pairs?"),
    "decision.ask.tokens_saved": N_("How many tokens does a call save?"),
    "decision.ask.other_domains": N_("Will the base model serve other tasks as well?"),
    "decision.lack.form": N_("form: it answers, but not in the shape or tone you need"),
    "decision.lack.skill": N_("skill: easier shown in examples than told"),
    "decision.lack.facts": N_("facts that it was never told"),
    "decision.lack.changing_facts": N_("facts that change"),
    "decision.lacks.form": N_(
        "A form is what fine-tuning teaches best: every example shows it."
    ),
    "decision.lacks.skill": N_(
        "A skill that is easier shown than told is a case for training on examples."
    ),
    "decision.lacks.facts": N_(
        "Facts are learned from examples unreliably, and recited fluently when wrong; "
        "text in the prompt (RAG) can be checked."
    ),
    "decision.lacks.changing_facts": N_(
        "Facts that change would have to be trained again with every change; retrieve "
        "them into the prompt (RAG)."
    ),
    "decision.way.rule": N_("the hand-written rule"),
    "decision.way.zero_shot": N_("the base model, just asked"),
    "decision.way.few_shot": N_("the base model with examples in the prompt"),
    "decision.way.rag": N_("the base model with retrieved text (RAG)"),
    "decision.target.no": N_(
        "The best alternative, {way}, scores {score}; the target of {target} is out of "
        "its reach."
    ),
    "decision.target.cannot_tell": N_(
        "The best alternative, {way}, scores {score}; whether that reaches the target "
        "of {target} cannot be told. Measure it on more items."
    ),
    "decision.target.yes": N_(
        "The best alternative, {way}, scores {score} and reaches the target of "
        "{target}; and fine-tuning would not pay for itself in time."
    ),
    "decision.target.money": N_(
        "The best alternative, {way}, scores {score} and reaches the target of "
        "{target}; only money speaks for fine-tuning."
    ),
    "decision.target.ask": N_(
        "The best alternative, {way}, scores {score} and reaches the target of "
        "{target}; only money could speak for fine-tuning."
    ),
    "decision.tunable.no": N_(
        "You cannot fine-tune this model. Choose another one, or stay with prompts."
    ),
    "decision.end.past": N_("The model ended on {date}."),
    "decision.end.before": N_(
        "The model ends on {date}, in {days} days: before it has paid for itself."
    ),
    "decision.end.soon": N_(
        "The model ends on {date}, in {days} days; then the work starts again, with "
        "the same data on another model."
    ),
    "decision.compute.no": N_(
        "First find something to train on and something to answer from."
    ),
    "decision.work.more": N_(
        "It takes {hours} hours of work, and you have {limit}: find more, or do less."
    ),
    "decision.data.forbidden": N_(
        "You may not train on these examples. Find or make others."
    ),
    "decision.data.unchecked": N_(
        "Let a person check a sample of the examples first: a model learns their "
        "mistakes as well."
    ),
    "decision.data.none": N_(
        "Collect more examples first: there are {n}, services take no fewer than "
        "{least}, and {first} are a start."
    ),
    "decision.data.few": N_(
        "There are {n} examples; OpenAI's guide starts with {first} good ones."
    ),
    "decision.data.enough": N_("There are {n} examples; {first} are a start."),
    "decision.money.never": N_(
        "It never pays for itself: what it brings has to be worth its price."
    ),
    "decision.money.soon": N_(
        "It has paid for itself after {months} months, of {patience} that it may take."
    ),
    "decision.money.late": N_(
        "It takes {months} months until it has paid for itself; {patience} are allowed."
    ),
    "decision.tokens.fewer": N_("Each call saves {tokens} tokens."),
    "decision.tokens.more": N_("Calls get no shorter; they take {tokens} tokens more."),
    "decision.domains.yes": N_(
        "The base model serves other tasks too, so data and tools are used again."
    ),
    "decision.domains.no": N_("There is one task only to carry the effort."),
    "decision.quality.better": N_(
        "The fine-tuned model scores {tuned}; that is better than {way}, {score}."
    ),
    "decision.quality.below": N_(
        "That is still below the target of {target}: more or better examples first."
    ),
    "decision.quality.worse": N_(
        "The fine-tuned model scores {tuned}; that is worse than {way}, {score}."
    ),
    "decision.quality.same": N_(
        "The fine-tuned model scores {tuned}, and {way} scores {score}; which is "
        "better cannot be told. Compare them in pairs, on more items."
    ),
    "decision.verdict.yes": N_("Yes: keep the fine-tuned model."),
    "decision.verdict.try_it": N_("Try it: a small fine-tuning job is worth it."),
    "decision.verdict.not_yet": N_("Not yet: something comes first."),
    "decision.verdict.no": N_("No: do not fine-tune for this."),
    "decision.verdict.cannot_tell": N_(
        "Cannot tell: what was measured does not decide it."
    ),
    "decision.stops": N_("What rules it out"),
    "decision.waits": N_("What comes first"),
    "decision.doubts": N_("What the numbers leave open"),
    "decision.for": N_("What speaks for it"),
    "decision.against": N_("What speaks against it"),
    "decision.missing": N_("What is not answered yet"),
    "decision.next": N_("What to do now"),
    "decision.next.find_out": N_("Find out: {question}"),
    "decision.next.yes": N_(
        "Keep training file, test set and scores together; measure again whenever the "
        "base model changes or ends."
    ),
    "decision.next.try_it": N_(
        "Fine-tune on what you have, ask the same test items, and fill in what the "
        "fine-tuned model scores."
    ),
    "decision.next.no": N_("Write this reason down; come back when it changes."),
    "decision.next.use": N_("Use what scored best until then: {way}."),
    "decision.next.cannot_tell": N_(
        "Measure on more test items, and compare in pairs, before more is spent."
    ),
    "decision.answers": N_("The answers that this is made from"),
    "decision.made": N_("Made on {day} from the answers above, by fixed rules."),
    "check.break_even.right": N_(
        "Right: after {calls} calls the training has paid for itself."
    ),
    "check.break_even.type": N_("Not yet: the answer has to be a number of calls."),
    "check.break_even.free": N_(
        "Not yet: this takes the calls of the fine-tuned model for free. What does one "
        "call really save?"
    ),
    "check.break_even.other": N_(
        "Not yet: you divided by the price of a call. What does one call save?"
    ),
    "check.break_even.sign": N_("Not yet: right, but for the sign."),
    "check.break_even.upside_down": N_(
        "Not yet: the fraction stands on its head. Which unit should the answer have?"
    ),
    "check.break_even.wrong": N_(
        "Not yet. Write down what is paid once, and what each call saves."
    ),
    "check.hosting.right": N_(
        "Right: below that, the model costs more while it waits than calls can save."
    ),
    "check.hosting.type": N_("Not yet: the answer has to be a number of calls."),
    "check.hosting.hour": N_(
        "Not yet: these calls carry one hour. The model stands ready day and night."
    ),
    "check.hosting.day": N_("Not yet: these calls carry one day. Asked is a month."),
    "check.hosting.year": N_("Not yet: these calls carry a year. Asked is a month."),
    "check.hosting.wrong": N_(
        "Not yet. How many hours has a month, and what do they cost?"
    ),
    "check.decision.right": N_(
        "Right: with another answer to {names} it says '{verdict}'."
    ),
    "check.decision.type": N_(
        "Not yet: this is a {found}; wanted is a dict such as {{'target': 0.8}}."
    ),
    "check.decision.unknown": N_(
        "Not yet: there is no question called '{name}'; there are {known}."
    ),
    "check.decision.many": N_(
        "Not yet: {found} answers are changed; change {most} at most."
    ),
    "check.decision.bad": N_("Not yet: {error}"),
    "check.decision.wrong": N_(
        "Not yet: now it says '{found}', not '{verdict}'. Read which signs decide."
    ),
    # Preparing data (notebook 10).
    "privacy.key": N_("a key"),
    "privacy.iban": N_("the number of a bank account (IBAN)"),
    "privacy.card": N_("the number of a payment card"),
    "privacy.resident": N_("a Korean resident registration number"),
    "privacy.email": N_("an e-mail address"),
    "privacy.phone": N_("a phone number"),
    "mend.no_line": N_(
        "There is no line {line} to mend: the file had {n} lines, or it was deleted."
    ),
    "mend.type": N_(
        "Line {line}: found {found}, expected a text or an example (a dict)."
    ),
    "mend.break": N_(
        "Line {line}: the text has a line break in it. An example is one line; "
        "json.dumps writes breaks inside texts as \\n."
    ),
    "mend.no_json": N_(
        "Line {line} cannot be read as an example: {error}. Mend it as text first: "
        "draft[{line}] = ..."
    ),
    "chart.lengths.title": N_("How long the examples are"),
    "chart.lengths.whole": N_("whole example: what is read and billed"),
    "chart.lengths.answer": N_("answer: what is learned"),
    "chart.lengths.tokens": N_("tokens (each mark is twice the one before)"),
    "chart.lengths.examples": N_("examples"),
    "chart.lengths.limit": N_("limit {limit}"),
    "chart.lengths.over": N_("{count} too long"),
    "reading.lengths.nothing": N_("No examples yet."),
    "reading.lengths.whole": N_(
        "{n} examples: half of them have {median} tokens or fewer, nine in ten "
        "between {p5} and {p95}; the longest has {longest}."
    ),
    "reading.lengths.answer": N_(
        "Of all tokens, {share:.0f} % are answers, which the model learns."
    ),
    "reading.lengths.over": N_("{count} are longer than the limit of {limit}."),
    "reading.lengths.fits": N_("All are within the limit of {limit}."),
    "inspect.show": N_("show"),
    "inspect.all": N_("all lines ({count})"),
    "inspect.faulty": N_("with problems ({count})"),
    "inspect.code": N_("{code} ({count})"),
    "inspect.number": N_("example"),
    "inspect.line": N_("Line {line} of {total}"),
    "inspect.tokens": N_("{tokens} tokens, {learned} of them learned"),
    "inspect.clean": N_("no problems"),
    "inspect.role": N_("role"),
    "inspect.text": N_("text"),
    "inspect.count": N_("tokens"),
    "inspect.raw": N_("The line as it stands in the file:"),
    "inspect.more": N_("… and {count} more characters"),
    "inspect.nothing": N_("There are no lines to show."),
    "inspect.still": N_("{shown} of {total} lines are shown."),
    "check.split.right": N_(
        "Right: {test} of {total} rows are for testing, and no recipe is on both sides."
    ),
    "check.split.type": N_(
        "Not yet: give rows of `raw`: a table, or the positions of its rows."
    ),
    "check.split.twice": N_("Not yet: {count} row(s) are used twice."),
    "check.split.lost": N_("Not yet: {count} row(s) are in neither part."),
    "check.split.share": N_(
        "Not yet: {share:.0f} % of the rows are for testing; about 20 % were asked for."
    ),
    "check.split.cut": N_(
        "Not yet: {count} group(s) have rows on both sides. Which column tells what "
        "belongs together?"
    ),
    "check.billed.right": N_("Right: about {billed} tokens will be billed."),
    "check.billed.type": N_("Not yet: this has to be one number, of tokens."),
    "check.billed.over": N_(
        "Not yet: the examples that are too long are still counted. Leave them out."
    ),
    "check.billed.epochs": N_(
        "Not yet: this is another number of epochs. How often is every token read?"
    ),
    "check.billed.wrong": N_(
        "Not yet: expected is the sum over the examples that fit, times the epochs."
    ),
    "check.detector.right": N_("Right: every order number is found, and nothing else."),
    "check.detector.type": N_(
        "Not yet: the function has to return a list of texts; it returned {found}."
    ),
    "check.detector.error": N_(
        "Not yet: with some text the function ends with {error}."
    ),
    "check.detector.missed": N_("Not yet: in {text!r} the function found {found}."),
    "check.detector.invented": N_(
        "Not yet: in {text!r} the function found {found}; there is no order number."
    ),
    "check.mended.right": N_(
        "Right: {n} examples, not one problem, and no good example was lost."
    ),
    "check.mended.type": N_("Not yet: `deleted` has to be a list of line numbers."),
    "check.mended.no_line": N_(
        "Not yet: there is no line {line} to delete; it may be gone already."
    ),
    "check.mended.error": N_(
        "Not yet: with the example of line {line} the function ends with {error}."
    ),
    "check.mended.left": N_(
        "Not yet: {count} problem(s) are left. The first: {problem}"
    ),
    "check.mended.lost": N_(
        "Not yet: the check is clean, but {count} example(s) were deleted that could "
        "have been mended. {n} should be left."
    ),
    "check.mended.label": N_(
        "Not yet: the check is clean, but the answer in line {line} is not a list of "
        "names of the foods in its lines. Did the right one of two answers stay?"
    ),
    # Notebooks 01 (what fine-tuning is) and 03 (inside the box).
    "weights.hosted": N_(
        "{label} keeps the weights; only a model that the local provider trained can "
        "be looked into. Set COMPANION_PROVIDER=local."
    ),
    "weights.base": N_(
        "The base model is {model}; only the one that comes with this repository can "
        "be compared. Leave COMPANION_MODEL out."
    ),
    "weights.gone": N_(
        "Job {id} has no such model on this machine; it has those of steps {known}. It "
        "may have been deleted: run the notebook from the top."
    ),
    "weights.none": N_("{folder} has no model*.safetensors; give a model's folder."),
    "weights.kind": N_(
        "{name} is stored as {kind}; F64, F32, F16 and BF16 can be read here."
    ),
    "weights.shape": N_(
        "{name} has the shape {before} before and {after} after; compare two models of "
        "the same shape."
    ),
    "heat.empty": N_("The table holds no number; there is nothing to draw."),
    "reading.heat": N_(
        "Largest of the {n} squares: {most_where} ({most:.1%}). Smallest: "
        "{least_where} ({least:.1%})."
    ),
    "overlay.curves": N_("Give one to {most} curves, each with one number or more."),
    "reading.overlay": N_("Mean of the first and of the last tenth: {curves}."),
    "reading.overlay.curve": N_("{name} {first:.2f}, then {last:.2f}"),
    "tokens.learned": N_("{n} tokens, of which {learned} are learned ({share:.0%})."),
    "tokens.none": N_("{folder} has no tokenizer.json; give a model's folder."),
    "sizes.closed": N_("Nobody has told the shape of {model}; only its context."),
    "sizes.unreadable": N_("{path}: the row {row} cannot be read: {error}"),
    "sizes.context": N_(
        "How much {model} reads at once is not known here. Look it up and add a row to "
        "data/model_sizes.csv, with its source and the date."
    ),
    "check.fit.right": N_("Right: {n} examples fit, and one more does not."),
    "check.fit.type": N_("Not yet: give a number of examples."),
    "check.fit.whole": N_("Not yet: half an example is none. Give a whole number."),
    "check.fit.mean": N_(
        "Not yet: this is how many examples of average length would fit. The first "
        "ones have lengths of their own; add them up one by one."
    ),
    "check.fit.longest": N_(
        "Not yet: this is safe, but most examples are shorter than the longest."
    ),
    "check.fit.one_more": N_("Not yet: the last one of these goes over the edge."),
    "check.fit.few": N_("Not yet: more of them fit."),
    "check.fit.many": N_("Not yet: these are more than fit."),
    "check.even.right": N_(
        "Right: from call {n} on, fine-tuning has used fewer tokens altogether."
    ),
    "check.even.type": N_("Not yet: give a number of calls."),
    "check.even.whole_prompt": N_(
        "Not yet: a call with the fine-tuned model is not free either. How much does "
        "each call save?"
    ),
    "check.even.short_prompt": N_(
        "Not yet: the short prompt has to be paid in any case. How much does each call "
        "save?"
    ),
    "check.even.upside_down": N_("Not yet: the fraction stands upside down."),
    "check.even.wrong": N_(
        "Not yet. Tokens spent once on training, divided by the tokens that each call "
        "saves."
    ),
    "check.trainings.right": N_(
        "Right: what tells them apart is whether each row says what the answer is."
    ),
    "check.trainings.type": N_("Not yet: give one answer for each of {letters}."),
    "check.trainings.unknown": N_(
        "Not yet: {found!r} is none of the three: supervised, continued pre-training, "
        "neither."
    ),
    "check.trainings.neither": N_(
        "Not yet: look at {letter} again. Do any weights change there?"
    ),
    "check.trainings.answers": N_(
        "Not yet: look at {letter} again. Does somebody say for each row which part is "
        "the answer to learn?"
    ),
    "check.call": N_("Not yet: your function stopped with {error}"),
    "check.mask.right": N_(
        "Right: the answer and its end are learned, everything else is only read."
    ),
    "check.mask.type": N_("Not yet: return a list of numbers."),
    "check.mask.length": N_(
        "Not yet: {found} weights for {n} tokens. The role has a token, and so has the "
        "end."
    ),
    "check.mask.asked": N_(
        "Not yet: in a message of the role {role} something is learned. Who writes it "
        "later, the model or somebody else?"
    ),
    "check.mask.role": N_(
        "Not yet: the token of the role is given to the model, it need not write it."
    ),
    "check.mask.end": N_(
        "Not yet: a model that never learns to end would go on for ever."
    ),
    "check.mask.answer": N_("Not yet: every token of the answer counts the same."),
    "check.loss.right": N_("Right: this is the number that the job reports."),
    "check.loss.type": N_("Not yet: return one number, as a tensor."),
    "check.loss.gradient": N_(
        "Not yet: the number is right, but no gradient hangs on it. Return the tensor "
        "itself."
    ),
    "check.loss.not_shifted": N_(
        "Not yet: the logits of a token are compared with the token itself. What do "
        "they foretell?"
    ),
    "check.loss.backwards": N_(
        "Not yet: the logits are compared with the token before. It goes the other way."
    ),
    "check.loss.all": N_("Not yet: the question counts as well. Where is the mask?"),
    "check.loss.mean": N_(
        "Not yet: the sum is divided by all tokens. Divide by those that count."
    ),
    "check.loss.sum": N_("Not yet: this is the sum. Long answers would count more."),
    "check.loss.weights": N_(
        "Not yet: ids and logits are shifted, but the weights stayed where they were."
    ),
    "check.loss.sign": N_("Not yet: the sign is wrong; a loss falls towards zero."),
    "check.loss.wrong": N_(
        "Not yet. Three steps: shift by one, take -log p of each token, average over "
        "those with a weight."
    ),
    "check.rate.right": N_("Right: up in a twentieth of the steps, then down to zero."),
    "check.rate.type": N_("Not yet: this is a {found}. Return a number."),
    "check.rate.zero": N_(
        "Not yet: the first of {total} steps would have the rate 0 and change nothing."
    ),
    "check.rate.climb": N_(
        "Not yet: at step {step} of {total} it is {found}. The first {warmup} steps "
        "climb evenly, and the last of them reaches 1."
    ),
    "check.rate.fall": N_(
        "Not yet: at step {step} of {total} it is {found}. After {warmup} steps it "
        "falls on a straight line that would reach 0 at step {total}."
    ),
    "check.lora.right": N_("Right: {n:,} weights, {share:.0%} of the matrix."),
    "check.lora.type": N_("Not yet: give a number of weights."),
    "check.lora.whole": N_("Not yet: that is the matrix itself, which stays frozen."),
    "check.lora.one": N_("Not yet: that is one of the two thin matrices."),
    "check.lora.product": N_(
        "Not yet: the two thin matrices lie side by side; their sizes add up."
    ),
    "check.lora.wrong": N_(
        "Not yet. One thin matrix has as many rows as the rank, the other as many "
        "columns."
    ),
    # Evaluate honestly (notebook 30).
    "ask.fits": N_(
        "{marks} marks were given for {prompts} prompts; there has to be one for each."
    ),
    "prompting.glossary": N_(
        "The glossary has no entries. Take them from rows that have answers, such as "
        "food_names(train)."
    ),
    "price.negative": N_(
        "Tokens and prices cannot be below zero; found {numbers} (tokens sent, tokens "
        "given back, price of either)."
    ),
    "pairs.few": N_("A paired test needs two rows or more; there are {n}."),
    "pairs.p_values": N_("p-values lie between 0 and 1; found {found}."),
    "pairs.unknown": N_(
        "There is no system '{found}' among the results; there are: {known}."
    ),
    "power.differences": N_(
        "Wanted is a list of two or more numbers, one difference per item; found "
        "something of the shape {found}, or numbers that are not finite."
    ),
    "power.flat": N_(
        "All differences are the same, so chance cannot be seen in them. Take two "
        "systems that differ from item to item."
    ),
    "power.gain": N_("The gain to notice has to be above 0; found {gain}."),
    "power.items": N_("A test needs two items or more; found {n}."),
    "power.formula": N_(
        "Spread and gain have to be above 0; found {spread} and {gain}."
    ),
    "error.missed": N_("missed"),
    "error.invented": N_("invented"),
    "error.cut": N_("cut wrongly"),
    "error.spelling": N_("spelt differently"),
    "error.unreadable": N_("unreadable answer"),
    "chart.errors.title": N_("What went wrong"),
    "chart.errors.axis": N_("errors per 100 right names"),
    "chart.power.title": N_("What a test of this size can see"),
    "chart.power.axis": N_("test recipes"),
    "chart.power.chance": N_("chance to notice the gain"),
    "chart.power.gain": N_("gain {gain:g}"),
    "reading.scores_mixed": N_(
        "On the first {least} to {most} recipes of one test set: {scores}."
    ),
    "reading.error": N_("{name}: {total:.0f}, most often {kind} ({n:.0f})"),
    "reading.no_errors": N_("{name}: none"),
    "reading.errors": N_("Errors per 100 right names: {systems}."),
    "reading.power": N_("A chance of {target:.0f} %: {gains}."),
    "reading.power.from": N_("for a gain of {gain:g} from {n} recipes on"),
    "reading.power.never": N_("for a gain of {gain:g} not even with {n} recipes"),
    "check.leak.right": N_(
        "Right: {n} rows are left; the {leaked} that were trained on are gone."
    ),
    "check.leak.type": N_(
        "Not yet: this is a {found}. Wanted are rows of `drawn`, with their columns."
    ),
    "check.leak.left": N_("Not yet: {n} of these rows were trained on."),
    "check.leak.others": N_("Not yet: {n} of these rows were never drawn."),
    "check.leak.lost": N_(
        "Not yet: {n} rows are missing that nobody trained on. Take out no more than "
        "you have to."
    ),
    "check.leak.twice": N_("Not yet: {n} rows stand there more than once."),
    "check.fisher.right": N_(
        "Right: p = {p:.3f}. If both were equally good, tables at least this uneven "
        "would come up about once in {once:.0f} times."
    ),
    "check.fisher.type": N_(
        "Not yet: a number is wanted, or what scipy's function returns."
    ),
    "check.fisher.range": N_(
        "Not yet: a p-value lies between 0 and 1, {found:.3g} does not."
    ),
    "check.fisher.one_sided": N_(
        "Not yet: this is the one-sided p-value. Nobody knew beforehand which of the "
        "two would be better."
    ),
    "check.fisher.opposite": N_("Not yet: this is 1 minus the p-value."),
    "check.fisher.wrong": N_(
        "Not yet. Rows of the table: right and wrong, first of one system, then of the "
        "other. Is it Fisher's exact test that you ran?"
    ),
    "check.items.right": N_("Right: about {n:,} recipes."),
    "check.items.type": N_("Not yet: a number is wanted."),
    "check.items.square": N_(
        "Not yet: half the gain needs four times the recipes. Something has to be "
        "squared."
    ),
    "check.items.level_alone": N_(
        "Not yet: with this many you would notice the gain every second time only. "
        "Where is the chance of 80 %?"
    ),
    "check.items.unpaired": N_(
        "Not yet: this is twice the number. Both systems answer the same recipes, so "
        "none is needed twice."
    ),
    "check.items.few": N_("Not yet: these are too few."),
    "check.items.many": N_("Not yet: these are more than needed."),
    # Notebook 31, the limits: experiments, kept results, charts, checks.
    "experiment.no_model": N_(
        "Job {id} ended as {status}; there is no model to ask. Run the cell again."
    ),
    "experiment.questions": N_("{n} questions to {model}"),
    "experiment.no_logprobs": N_(
        "{model}: the service gives no log probabilities, so nobody can see how sure "
        "the model was."
    ),
    "experiment.no_validation": N_(
        "No step has a loss of the whole validation file (full_valid_loss). Train with "
        "a validation file, and wait for the end of the first epoch."
    ),
    "limits.missing": N_("There is no table {name!r} in {folder}; there are: {known}"),
    "kept.missing": N_(
        "benchmarks/results/{path} is not there. `{command}` computes it; run it in "
        "the repository, on a machine that has nothing else to do."
    ),
    "kept.unreadable": N_(
        "benchmarks/results/{path} cannot be read ({error}). `{command}` writes it "
        "anew."
    ),
    "kept.where": N_("{date}, {processor}, {cores} cores, {versions}"),
    "chart.rows.title": N_("F1 by the number of training rows"),
    "chart.rows.x": N_("training rows (each step is about three times as many)"),
    "chart.rows.live": N_("just now  {value:.2f}"),
    "chart.rows.empty": N_("There is no run to draw."),
    "reading.rows.one": N_("{rows} rows {mean:.2f} ({low:.2f} to {high:.2f})"),
    "reading.rows": N_("Mean F1, and lowest and highest seed: {parts}."),
    "reading.rows.rival": N_("A level line: {name}, {value:.2f}."),
    "reading.rows.live": N_("The job of just now: {rows} rows, {value:.2f}."),
    "check.epochs.right": N_(
        "Right: after {epochs} epochs the validation loss was lowest, {loss:.3f}."
    ),
    "check.epochs.type": N_("Not yet: this is a {found}, not a number of epochs."),
    "check.epochs.from_zero": N_(
        "Not yet: close. The first epoch has the number 1, not 0."
    ),
    "check.epochs.step": N_("Not yet: this is a step. Asked is the epoch it ends."),
    "check.epochs.train": N_(
        "Not yet: here the loss on the training rows is lowest. Which one counts?"
    ),
    "check.epochs.range": N_("Not yet: the job had the epochs 1 to {last}."),
    "check.epochs.wrong": N_(
        "Not yet: after {epochs} epochs it was {loss:.3f}. There is a lower one."
    ),
    "check.enough.right": N_(
        "Right: with {rows} rows even the worst seed reached {low:.2f}."
    ),
    "check.enough.type": N_("Not yet: this is a {found}, not a number of rows."),
    "check.enough.size": N_("Not yet: measured were {sizes} rows; choose one of them."),
    "check.enough.none": N_(
        "Not yet: in this table no number of rows reached {target:.2f} with every seed."
    ),
    "check.enough.fewer": N_(
        "Not yet: {rows} rows are enough. Would fewer do as well?"
    ),
    "check.enough.mean": N_(
        "Not yet: with {rows} rows the mean gets there. What of the worst seed?"
    ),
    "check.enough.below": N_("Not yet: {rows} rows are too few, even on average."),
    "check.mixed.right": N_(
        "Right: {task} examples of the task and {general} of everything else."
    ),
    "check.mixed.type": N_("Not yet: this is a {found}; give a list of examples."),
    "check.mixed.examples": N_(
        "Not yet: the list has to hold examples, each with its 'messages'. Did you put "
        "a list into the list?"
    ),
    "check.mixed.task": N_(
        "Not yet: {missing} examples of the task are missing. None has to give way."
    ),
    "check.mixed.strangers": N_(
        "Not yet: the list has examples that are in neither of the two."
    ),
    "check.mixed.twice": N_("Not yet: some example is in the list twice."),
    "check.mixed.of_task": N_(
        "Not yet: {found} are a fifth of the task's examples. But of the whole list "
        "they are {found} of {total}."
    ),
    "check.mixed.number": N_(
        "Not yet: {found} of the {total} examples are general ones. Is that a fifth?"
    ),
    "check.suspects.right": N_(
        "Right: these {n} rows stop after two names. A few lines of code would have "
        "found them before the training did."
    ),
    "check.suspects.type": N_("Not yet: this is a {found}; give row numbers."),
    "check.suspects.numbers": N_(
        "Not yet: give the numbers of the rows (the index), not True and False, nor "
        "the rows themselves."
    ),
    "check.suspects.many": N_(
        "Not yet: all of them are there, but so are {wrong} rows whose answer goes "
        "on after two names."
    ),
    "check.suspects.few": N_("Not yet: {missed} more rows stop after two names."),
    "check.suspects.both": N_(
        "Not yet: {missed} rows are missing, and {wrong} of yours go on after two "
        "names."
    ),
    # The assignment, the job monitor and the playground.
    "assignment.data.unknown": N_(
        "There is no data set '{name}'. Choose one of {known}, or give the path of a "
        "folder with task.json, rows.csv, questions.csv and sealed.json."
    ),
    "assignment.data.unreadable": N_("{path} cannot be read: {error}"),
    "assignment.data.lacks": N_("{path} lacks {missing}."),
    "assignment.data.twice": N_("{path}: the id {id} stands there twice."),
    "assignment.data.unsealed": N_(
        "{path} has no sealed answer for {n} question(s), the first is {first}. Seal "
        "them with helpers.assignment.data.seal."
    ),
    "assignment.no_step": N_("There is no step '{found}'; the steps are {known}."),
    "assignment.column.step": N_("step"),
    "assignment.column.points": N_("points"),
    "assignment.column.check": N_("what the check says"),
    "assignment.step.choice": N_("1 Choose a tutorial and data"),
    "assignment.step.trap": N_("2 Find the trap"),
    "assignment.step.rows": N_("3 Mend the rows"),
    "assignment.step.baseline": N_("4 Measure what you have"),
    "assignment.step.training": N_("5 Fine-tune"),
    "assignment.step.target": N_("6 Reach the target"),
    "assignment.step.decision": N_("7 Decide"),
    "assignment.target": N_(
        "Target: {needed} of the {n} held-out questions answered exactly right. Small "
        "and capital letters, spaces and a stop at the end do not count."
    ),
    "assignment.choice.blank": N_(
        "Not chosen yet. Until you do, the data set '{name}' is shown."
    ),
    "assignment.choice.unknown": N_(
        "Not yet: '{found}' is no notebook that fine-tunes a model. There are: {known}."
    ),
    "assignment.choice.right": N_("Right: you follow {tutorial} with the data {data}."),
    "assignment.trap.name": N_(
        "Not yet: '{found}' is none of the traps. They are called {known}."
    ),
    "assignment.trap.type": N_(
        "Not yet: the suspects are a {found}. Give the ids of rows, or rows themselves."
    ),
    "assignment.trap.unknown": N_(
        "Not yet: some of the suspects are no ids of `work.rows`."
    ),
    "assignment.trap.there_is": N_(
        "Not yet: there is something. Compare rows with questions, rows with rows, and "
        "prompts with prompts."
    ),
    "assignment.trap.none": N_("Right: these rows have none of the traps."),
    "assignment.trap.other": N_(
        "Not yet: no row of this data set shows the trap '{trap}'. Count before you "
        "name it."
    ),
    "assignment.trap.missed": N_(
        "Not yet: the trap is named rightly, but {n} case(s) of it are not among your "
        "suspects. Some may be in disguise."
    ),
    "assignment.trap.innocent": N_(
        "Not yet: all cases are there, but {n} of your suspects have nothing to do "
        "with it."
    ),
    "assignment.trap.right": N_("Right: that is the trap, and these {n} rows show it."),
    "assignment.rows.type": N_(
        "Not yet: this is a {found}. Give a table, or a list of dicts."
    ),
    "assignment.rows.columns": N_("Not yet: the rows lack {missing}."),
    "assignment.rows.empty": N_("Not yet: a prompt or an answer is empty."),
    "assignment.rows.few": N_(
        "Not yet: {found} rows are left; keep at least {needed}. What else could be "
        "done with the bad ones than to drop them?"
    ),
    "assignment.rows.leak": N_(
        "Not yet: {n} row(s) ask a held-out question. A score on them says nothing."
    ),
    "assignment.rows.contradiction": N_(
        "Not yet: {n} rows share a prompt with another row and have another answer."
    ),
    "assignment.rows.repeated": N_(
        "Not yet: {n} row(s) repeat another one. One of the two could get into your "
        "test rows; keep one."
    ),
    "assignment.rows.prompt": N_(
        "Not yet: {n} row(s) have a prompt that is not shaped as those of the "
        "questions. Compare both letter by letter."
    ),
    "assignment.rows.label": N_(
        "Not yet: {n} row(s) still have an answer that the guide would not give."
    ),
    "assignment.rows.right": N_(
        "Right: {n} rows, shaped as the questions, none of them a question, none "
        "against the guide."
    ),
    "assignment.answers.type": N_(
        "Not yet: '{name}' has to be a list with one answer per row, as `ask` returns "
        "it."
    ),
    "assignment.answers.length": N_(
        "Not yet: '{name}' has {found} answers for {n} prompts."
    ),
    "assignment.baseline.prompt": N_(
        "Not yet: with examples the prompts should be longer than without. Did both go "
        "out in the same way?"
    ),
    "assignment.baseline.right": N_("Right, on {n} test rows: {shares}."),
    "assignment.training.type": N_("Not yet: a {found} is no job. `submit` gives one."),
    "assignment.training.unknown": N_("Not yet: the provider knows no such job."),
    "assignment.training.status": N_(
        "Not yet: the job is {status}. Follow it until it has succeeded."
    ),
    "assignment.training.file": N_(
        "Not yet: the job was trained on another file than the one you wrote last. "
        "Submit the new one."
    ),
    "assignment.training.right": N_("Right: {model} was trained on your rows."),
    "assignment.target.rows": N_(
        "Not yet: {right} of {n} are right, but step 3 is not. Mend the rows and train "
        "again; until then the number means nothing. (Try {tries})"
    ),
    "assignment.target.below": N_(
        "Not yet: {right} of {n} are right (95 % interval {low:.0f} to {high:.0f} %); "
        "the target is {needed}. Improve on your own test rows, not here. (Try {tries})"
    ),
    "assignment.target.right": N_(
        "Right: {right} of {n} (95 % interval {low:.0f} to {high:.0f} %); the target "
        "was {needed}. (Try {tries})"
    ),
    "assignment.decision.name": N_(
        "Not yet: '{found}' is no decision. Write one of: {known}."
    ),
    "assignment.decision.early": N_(
        "Not yet: there is nothing to compare. Steps 4 and 6 measure it."
    ),
    "assignment.decision.short": N_(
        "Not yet: {found} words. Write at least {needed}: what you measured, what it "
        "costs, what you do not know."
    ),
    "assignment.decision.numbers": N_(
        "Not yet: name at least two of the numbers that you measured, as shares "
        "(0.93), in percent (93 %) or as counts."
    ),
    "assignment.decision.against": N_(
        "Not yet: your own comparison does not say that fine-tuning is better than "
        "'{rival}'. Decide otherwise, or measure on more rows."
    ),
    "assignment.decision.right": N_(
        "Right: your numbers carry your decision. A teacher reads the reasons."
    ),
    "assignment.verdict.none": N_("Nothing to compare yet: steps 4 and 6 measure it."),
    "assignment.verdict.better": N_(
        "better: compared with '{rival}', the fine-tuned model is right on "
        "{value:+.0%} of the rows (95 % interval {low:+.0%} to {high:+.0%})"
    ),
    "assignment.verdict.worse": N_(
        "worse: compared with '{rival}', the fine-tuned model is right on "
        "{value:+.0%} of the rows (95 % interval {low:+.0%} to {high:+.0%})"
    ),
    "assignment.verdict.cannot_tell": N_(
        "cannot tell: compared with '{rival}', the fine-tuned model is right on "
        "{value:+.0%} of the rows (95 % interval {low:+.0%} to {high:+.0%} contains 0)"
    ),
    "assignment.hint": N_("Hint {number} of {total}:"),
    "assignment.hint.choice_1": N_("The README lists the notebooks by number."),
    "assignment.hint.choice_2": N_(
        "Take a tutorial that you have already run; its steps are the ones below."
    ),
    "assignment.hint.choice_3": N_(
        "The number of the recipe assistant is 20; `data_sets()` shows the data."
    ),
    "assignment.hint.trap_1": N_(
        "Make three comparisons: rows with questions, rows with rows, and the prompts "
        "of both. One of them finds something."
    ),
    "assignment.hint.trap_2": N_(
        "Copies can be in disguise. Compare only words, in small letters: "
        '" ".join(re.findall(r"\\w+", text.casefold()))'
    ),
    "assignment.hint.trap_3": N_(
        "In pandas: `isin` finds leaks, `groupby` with `nunique` of the answers finds "
        "contradictions, and `unique()` on `system` shows the prompts in use."
    ),
    "assignment.hint.rows_1": N_(
        "Read the check's sentence: it names the first fault that is left, and how "
        "many rows have it."
    ),
    "assignment.hint.rows_2": N_(
        "A leak is dropped. A contradiction is decided by the guide, for all rows of "
        "that kind, not only for those that were seen twice. A prompt is rewritten."
    ),
    "assignment.hint.rows_3": N_(
        "The column `source` says where a row comes from. Is the mistake spread over "
        "all sources? For a new prompt, take the old one apart with `splitlines` and "
        "`partition`, and build the new text with an f-string."
    ),
    "assignment.hint.baseline_1": N_(
        "Use `ask_all` twice: once with the prompts `bare`, once with `shown`."
    ),
    "assignment.hint.baseline_2": N_(
        "Ask `here.base_model`, and the rows of `test`; the examples in `shown` come "
        "from `train`."
    ),
    "assignment.hint.baseline_3": N_(
        "A rule is a function from a user text to an answer; give its answers as a "
        "list of texts, in the order of `test`."
    ),
    "assignment.hint.training_1": N_(
        "The tutorial's call is `submit`, with the connection and both files."
    ),
    "assignment.hint.training_2": N_(
        "`suffix` names your model, `seed` makes the job repeatable. "
        "The rest may stay as it is."
    ),
    "assignment.hint.training_3": N_(
        "If the validation loss rises early, take fewer epochs; if it still falls at "
        "the end, take more."
    ),
    "assignment.hint.target_1": N_(
        "Ask `job.fine_tuned_model` with the prompts `bare`, first `test`, then "
        "`work.questions`."
    ),
    "assignment.hint.target_2": N_(
        "Below the target? Look at the wrong answers on `test`: is it the form, the "
        "copying, or the rule behind the labels?"
    ),
    "assignment.hint.target_3": N_(
        "More rows in `train` help, and so does an epoch more. Do not choose by the "
        "held-out score: each look at it makes it worth less."
    ),
    "assignment.hint.decision_1": N_(
        "`work.scores()` and `work.verdict()` hold the numbers."
    ),
    "assignment.hint.decision_2": N_(
        "What would you use without fine-tuning, and how much worse is it? What do "
        "training, hosting and longer prompts cost?"
    ),
    "assignment.hint.decision_3": N_(
        "Say what would change your mind: more data, another price, a larger base "
        "model, a rule."
    ),
    "report.assignment.title": N_("Assignment: fine-tune, or not?"),
    "report.assignment.learner": N_("Handed in by"),
    "report.assignment.about": N_(
        "Data set {data} ({title}), with the steps of notebook {tutorial}. {date}."
    ),
    "report.assignment.points": N_(
        "Points by the checks: {points} of {automatic}. {teacher} more are for the "
        "reasons, and for a teacher to give."
    ),
    "report.assignment.numbers": N_("Numbers"),
    "report.assignment.tries": N_(
        "Sets of answers held against the held-out questions: {n}."
    ),
    "report.assignment.decision": N_("Decision"),
    "report.assignment.programs": N_("For programs"),
    "report.assignment.unreadable": N_("{path} is no report of this assignment."),
    "report.assignment.same": N_(
        "{file}: {learner}, {data}, {points} points; {found} held-out answers are "
        "right, as claimed; {tries} tries; {choice}"
    ),
    "report.assignment.not": N_(
        "{file}: {learner}, {data}, {points} points; {found} held-out answers are "
        "right, but {claimed} are claimed; {tries} tries; {choice}"
    ),
    "monitor.none": N_("No job yet: there is nothing to watch."),
    "monitor.status": N_("status"),
    "monitor.step": N_("step"),
    "monitor.loss": N_("training loss"),
    "monitor.full": N_("validation loss (all)"),
    "monitor.model": N_("model"),
    "monitor.error": N_("error"),
    "monitor.note": N_("note"),
    "monitor.events": N_("last events"),
    "monitor.picture": N_(
        "Training loss from {first:.2f} to {last:.2f} in {steps} steps."
    ),
    "monitor.button.pause": N_("Pause"),
    "monitor.button.resume": N_("Go on"),
    "monitor.button.cancel": N_("Cancel"),
    "monitor.button.look": N_("Look now"),
    "monitor.asked.pause": N_("Asked to pause; the step under way is finished first."),
    "monitor.asked.resume": N_("Asked to go on."),
    "monitor.asked.cancel": N_("Asked to cancel."),
    "monitor.refused": N_("The provider refused: {error}"),
    "monitor.lost": N_("The provider does not answer; what stands here is old."),
    "monitor.unknown": N_("There is no button '{found}'; there are: {known}."),
    "playground.billed": N_("Each question in the playground is a call per model."),
    "playground.nothing": N_(
        "Nothing asked yet. Type a prompt, or call .ask('...') on this object."
    ),
    "playground.models": N_("A playground needs at least one model to ask."),
    "playground.failed": N_("(no answer: {error})"),
    "playground.prompt": N_("Prompt"),
    "playground.system": N_("System"),
    "playground.temperature": N_("Temperature"),
    "playground.max_tokens": N_("Max tokens"),
    "playground.ask": N_("Ask"),
    "playground.column.system": N_("system"),
    "playground.column.answer": N_("answer"),
    "playground.column.tokens": N_("tokens in / out"),
    "playground.column.seconds": N_("seconds"),
    "playground.counts": N_("{prompt} tokens in, {completion} out, {seconds:.1f} s"),
    "ways.columns": N_("{path}, line {line}: the columns are not those of this table."),
    "ways.value": N_(
        "{path}, line {line}, {column}: '{found}' is none of these: {known}."
    ),
    "ways.twice": N_("{path}, line {line}: there is a second row for {key}."),
    "ways.hole": N_("The step '{step}' says nothing about: {ways}."),
    "ways.call": N_("{step}, {way}: call, kind and place do not fit together."),
    "ways.unknown": N_("There is no way '{found}'; there are: {known}."),
    "ways.no_call": N_("{package} has no {call} in the version that is installed."),
    "ways.no_argument": N_("{call} takes no argument {names}."),
    "ways.no_client": N_("No client of {package} is known here."),
    "ways.no_end": N_("closing_dates.csv has no row of {way}: {what}"),
    "ways.no_price": N_("prices.csv has no such price of {model}."),
    "ways.column.new": N_("new customer: start a job"),
    "ways.column.existing": N_("old customer: start a job"),
    "ways.column.ask": N_("ask a fine-tuned model"),
    "ways.column.note": N_("note"),
    "ways.door.open": N_("open, no end known"),
    "ways.door.until": N_("open until {date}"),
    "ways.door.closed": N_("closed since {date}"),
    "ways.bill": N_("{amount} {currency} per {unit} ({model}, {date})"),
    "ways.bill.nothing": N_("nothing"),
    "ways.bill.none": N_("no dated price in our table"),
    "ways.chooser.from": N_("From"),
    "ways.chooser.to": N_("To"),
    "ways.chooser.title": N_("From {start} to {goal}"),
    "chart.where.you": N_("you"),
    "chart.where.service": N_("service"),
    "chart.where.nobody": N_("nobody"),
    "chart.where": N_(
        "Steps on a machine of yours, own or rented: {counts}. Not done at all: "
        "{missing}."
    ),
    "chart.where.count": N_("{way} {n} of {all}"),
    "chart.where.missing": N_("{step} ({ways})"),
    "chart.ends": N_(
        "On {day}, {past} of {all} ends lay behind and {ahead} ahead; the next one is "
        "{next}."
    ),
    "chart.ends.none": N_("On {day}, all {all} ends lay behind."),
    "chart.ends.day": N_("read {day}"),
    "convert.form": N_(
        "{path} is of no form that is known here; its first line has: {keys}."
    ),
    "convert.forms": N_("There is no form '{found}'; there are: {known}."),
    "convert.bad_line": N_("{path}, line {line}: {reason}"),
    "convert.json": N_("{path}, line {line}: this is no JSON: {error}."),
    "convert.object": N_("{path}, line {line}: a line is one JSON object."),
    "convert.column": N_(
        "{path} has no column '{column}'; it has: {found}. Say column='…'."
    ),
    "convert.splits": N_(
        "{path} holds several parts ({names}). Name the folder of one of them."
    ),
    "convert.messages": N_(
        "{path}, line {line}: a list of messages was expected, each with role and "
        "content."
    ),
    "convert.role": N_(
        "{path}, line {line}: chat templates know the roles system, user and "
        "assistant, not '{role}'."
    ),
    "convert.content": N_(
        "{path}, line {line}: the content of a message is no text. Pictures and parts "
        "stand in OpenAI's format alone."
    ),
    "convert.no_answer": N_("{path}, line {line}: the last message is no answer."),
    "convert.no_roles": N_(
        "{path}, line {line}: prompt and completion are plain texts, and nobody can "
        "say which part of them is whose message."
    ),
    "convert.answers": N_(
        "{path}, line {line}: there are several answers, and a completion holds one. "
        "Write one line for each answer, or keep the chat form."
    ),
    "convert.weight": N_(
        "{path}, line {line}: a message has a weight, which other forms cannot say: "
        "they would learn it. Take the message out, or stay with the chat form."
    ),
    "convert.tools": N_(
        "{path}, line {line}: {key} stands in OpenAI's format alone; other forms have "
        "no place for it. Write the call as text, or stay with the chat form."
    ),
    "convert.key": N_(
        "{path}, line {line}: there is no place for '{key}' in other forms."
    ),
    "check.lost.type": N_("The path of a CSV file is asked for, not a {found}."),
    "check.lost.missing": N_("There is no file {name} yet."),
    "check.lost.form": N_(
        "{name} is of the form {found}; AutoTrain's CSV is asked for."
    ),
    "check.lost.unreadable": N_("AutoTrain could not read it: {error}"),
    "check.lost.rows": N_("It has {found} conversations; the source has {wanted}."),
    "check.lost.row": N_("Conversation {number} is not what it was."),
    "check.lost.right": N_(
        "All {n} conversations are there, in their order, word for word."
    ),
    "check.old.type": N_("A set of line numbers is asked for, such as {{1, 2}}."),
    "check.old.unknown": N_("There is no line {found}."),
    "check.old.too_many": N_(
        "Among your lines is one that today's package still accepts."
    ),
    "check.old.too_few": N_(
        "All of yours break; there are more. Do all arguments still exist?"
    ),
    "check.old.right": N_("These {n} lines break, and the package itself says so."),
    "check.open.type": N_("The names of ways are asked for, such as ['{example}']."),
    "check.open.unknown": N_("There is no way '{found}'; there are: {known}."),
    "check.open.closed": N_("One of yours was closed to new customers by {day}."),
    "check.open.more": N_("There is at least one more that was open on {day}."),
    "check.open.right": N_("On {day} a new customer can start a job in {n} ways."),
    "sft.batch": N_(
        "A batch of {rows} rows cannot be shared evenly among {processes} processes. "
        "Choose per_device_train_batch_size so that {processes} divides it."
    ),
    "sft.other_run": N_(
        "{folder} holds a training with other {changed}. Name another output_dir, or "
        "delete that folder."
    ),
    "sft.processes": N_(
        "{found} process(es) take part, {wanted} were wanted. `accelerate launch "
        "--cpu` starts one whatever --num_processes says; use torchrun."
    ),
    "sft.not_sharded": N_(
        "FSDP is configured, but every process holds the whole model: accelerate "
        "leaves FSDP out on processors, without a word."
    ),
    "sft.already": N_("{model} is already trained; delete it to train it again."),
    "sft.done": N_(
        "{processes} process(es) on {hosts} machine(s), {device}, weights {weights}: "
        "{rows_a_step} rows a step, {steps} steps, {seconds} s, last loss {loss:.4f}. "
        "Model: {model}"
    ),
    "disk.unknown_way": N_("There is no way '{found}'; there are: {known}."),
    "launching.failed": N_("This command failed: {command}\nIts last words:\n{end}"),
    "sql.no_split": N_("There is no split '{split}'; there are: {known}."),
    "sql.no_public": N_(
        "{name} could not be fetched from the Hugging Face Hub. It needs a network; "
        "without one, take the rows of this repository: sql_data.load('train')."
    ),
    "sql.no_table": N_("This is no CREATE TABLE statement with columns: {statement}"),
    "sql.many_rows": N_("It returns more than {most} rows."),
    "metric.execution": N_("execution match"),
    "metric.raw": N_("exact text match"),
    "hf.no_base": N_("There is no base model '{name}'; there are: {known}."),
    "hf.progress": N_(
        "{step:5,} of {steps:,} steps   loss {loss:.2f}   {seconds:4.0f} s"
    ),
    "hf.no_gpu": N_(
        "The base model '{name}' needs a GPU with CUDA and bitsandbytes; this machine "
        "has none. Set MODEL = 'local'."
    ),
    "metric.exact_sql": N_("the same query"),
    "metric.execution_sql": N_("the same rows"),
    "reading.match": N_(
        "{name}: same rows {execution:.2f} ({low:.2f} to {high:.2f}), same query "
        "{exact:.2f}"
    ),
    "reading.matches": N_("Share of right queries. {parts}."),
    "check.shuffle.right": N_("Right: the same order in every run, and no row lost."),
    "check.shuffle.type": N_("Not yet: a function is expected, not a {found}."),
    "check.shuffle.rows": N_(
        "Not yet: the function should return a DataFrame; it returned a {found}."
    ),
    "check.shuffle.changed": N_(
        "Not yet: the function changes the rows it was given. Return new ones."
    ),
    "check.shuffle.lost": N_(
        "Not yet: of {n} rows {found} came back, or not the same ones."
    ),
    "check.shuffle.same": N_("Not yet: the rows stand in the order they had."),
    "check.shuffle.chance": N_(
        "Not yet: two calls gave two orders. Who runs it again gets other test rows."
    ),
    "check.labels.right": N_(
        "Right: the loss counts the {n} tokens of the answer, its end included."
    ),
    "check.labels.type": N_("Not yet: a list of whole numbers is expected."),
    "check.labels.length": N_(
        "Not yet: {found} labels for {wanted} tokens; each token needs one."
    ),
    "check.labels.all": N_(
        "Not yet: this learns the question and the tables too, as the tutorial did."
    ),
    "check.labels.mark": N_(
        "Not yet: tokens that do not count need the number that cross_entropy ignores."
    ),
    "check.labels.swapped": N_("Not yet: the other way round."),
    "check.labels.wrong": N_("Not yet: some tokens count that should not, or reverse."),
    "check.cost.right": N_(
        "Right: {dollars:.2f} dollars, {times:.2f} times the claim."
    ),
    "check.cost.type": N_("Not yet: a number of dollars is expected, not a {found}."),
    "check.cost.claim": N_(
        "Not yet: that is the claim, kept from the shorter run. Compute it."
    ),
    "check.cost.unit": N_("Not yet: the price is for an hour."),
    "check.cost.wrong": N_("Not yet: hours times the price of an hour."),
    "check.width.right": N_(
        "Right: about {points:.1f} points either way. Half a point says nothing."
    ),
    "check.width.type": N_("Not yet: a number of points is expected, not a {found}."),
    "check.width.percent": N_("Not yet: give it in points of percent."),
    "check.width.one": N_(
        "Not yet: that is for one share. Both shares of the difference can be off."
    ),
    "check.width.error": N_(
        "Not yet: that is one standard error. How many of them hold 95 %?"
    ),
    "check.width.whole": N_("Not yet: that is the whole width. Take half of it."),
    "check.width.wrong": N_(
        "Not yet: start from the variance of a share, p (1 - p) / n."
    ),
    "autotrain.missing": N_(
        "AutoTrain's environment is not there. Run 'make autotrain' in the repository "
        "(about two minutes, 1.7 GB), or set COMPANION_AUTOTRAIN to its folder."
    ),
    "autotrain.resave": N_("The base model could not be saved again:\n{error}"),
    "autotrain.config.ok": N_("No problems found."),
    "autotrain.remark": N_("{severity}: {where}: {reason} {fix}"),
    "autotrain.reason.config": N_("This is no configuration but {found}."),
    "autotrain.fix.config": N_("Write keys and values: 'task: llm-sft', and so on."),
    "autotrain.reason.lacking": N_("The key is missing."),
    "autotrain.fix.lacking": N_("Add it; null is a value, too."),
    "autotrain.reason.misspelled": N_("There is no such key."),
    "autotrain.fix.misspelled": N_("Did you mean '{near}'?"),
    "autotrain.reason.unknown": N_(
        "There is no such key; AutoTrain would go on without it."
    ),
    "autotrain.fix.unknown": N_("Take it out."),
    "autotrain.reason.type": N_("{found!r} does not fit: {wanted}."),
    "autotrain.fix.type": N_("Write a value of that kind."),
    "autotrain.reason.name": N_(
        "A name has letters, digits and hyphens, {most} at most."
    ),
    "autotrain.fix.name": N_("Choose another one."),
    "autotrain.reason.quantization": N_(
        "With LoRA the base model would be loaded as {found}, which needs CUDA. It is "
        "so by default."
    ),
    "autotrain.fix.quantization": N_("Write 'quantization: null'."),
    "autotrain.reason.fp16": N_("Training in fp16 needs a GPU."),
    "autotrain.fix.fp16": N_("Write null, or bf16."),
    "autotrain.reason.column": N_(
        "The rows have no column '{column}'; they have {known}."
    ),
    "autotrain.fix.column": N_("Name one of these."),
    "autotrain.reason.template": N_("The rows are messages, and nothing joins them."),
    "autotrain.fix.template": N_("Write 'chat_template: tokenizer'."),
    "autotrain.reason.file": N_("There is no file {name}.jsonl or {name}.csv."),
    "autotrain.fix.file": N_("Name the file without its ending."),
    "autotrain.reason.valid_split": N_(
        "Of files on this machine, AutoTrain drops the validation rows silently: no "
        "validation loss, no checkpoint between."
    ),
    "autotrain.fix.valid_split": N_("Write null, and evaluate afterwards."),
    "autotrain.reason.packing": N_(
        "Rows are put end to end and cut into blocks of this many tokens; the loss "
        "counts the question as well as the answer."
    ),
    "autotrain.fix.packing": N_("Nothing to mend: it cannot be switched off."),
    "autotrain.reason.seed": N_(
        "The seed never reaches the trainer, and rows are shuffled without one."
    ),
    "autotrain.fix.seed": N_("Leave it out."),
    "autotrain.reason.merge": N_("Without LoRA there is nothing to merge."),
    "autotrain.fix.merge": N_("Write 'peft: true', or take it out."),
    "autotrain.reason.accumulation": N_(
        "Without it a step takes four batches, in a file as in the page."
    ),
    "autotrain.fix.accumulation": N_("Write the number that you mean, such as 1."),
    "autotrain.reason.hub": N_("Your model leaves this machine."),
    "autotrain.fix.hub": N_("Write false, or leave the section out."),
    "autotrain.exists": N_(
        "The project '{folder}' is there already. Choose another name, or again=True."
    ),
    "autotrain.not_ours": N_(
        "The folder '{folder}' is there, and AutoTrain has not made it. Choose another "
        "project name."
    ),
    "autotrain.note": N_("epoch {epoch:.1f} · loss {loss:.2f}"),
    "autotrain.failed": N_(
        "The training left no model (exit status {status}, which is 0 either way). The "
        "last error: {error}\nEverything it said: {log}"
    ),
    "autotrain.silent": N_("it said nothing"),
    "autotrain.page.down": N_("AutoTrain's page did not start. It said:\n{log}"),
    "autotrain.page.refused": N_("AutoTrain's page refused the form: {error}"),
    "autotrain.page.slow": N_("The training was not over after {seconds:.0f} seconds."),
    "autotrain.page.by_browser": N_("The form was filled in and sent in Chromium."),
    "autotrain.page.by_http": N_(
        "No Chromium that playwright can move: the form was sent by HTTP, and there is "
        "no picture."
    ),
    "autotrain.there": N_("AutoTrain {version}, in an environment of its own."),
    "autotrain.not_run": N_(
        "Not run, and nothing is claimed: {what}. AutoTrain's environment is not there."
    ),
    "autotrain.ids.same": N_(
        "{n} texts: the same token ids, logits apart by {difference:g} at most."
    ),
    "autotrain.ids.other": N_(
        "{n} texts: other token ids, logits apart by {difference:g}."
    ),
    "trl.failed": N_(
        "The training failed (exit status {status}).\n{error}\nAll of it: {log}"
    ),
    "check.config_mended.right": N_("Right: nothing is an error, and LoRA stays."),
    "check.config_mended.type": N_("Not yet: a configuration is a dict of dicts."),
    "check.config_mended.lora": N_("Not yet: it no longer trains with LoRA."),
    "check.config_mended.errors": N_("Not yet, an error is left: {where}. {reason}"),
    "check.steps.right": N_("Right: {steps} steps."),
    "check.steps.type": N_("Not yet: a whole number is wanted, not {found}."),
    "check.steps.epoch": N_("Not yet: that is one epoch."),
    "check.steps.rows": N_("Not yet: a step takes a block of the tape, not a row."),
    "check.steps.part": N_(
        "Not yet: what is left behind the last whole block is lost."
    ),
    "check.steps.wrong": N_("Not yet: how many whole blocks has the tape?"),
    "check.share.right": N_("Right: {share:.0%} of the loss is about answers."),
    "check.share.type": N_("Not yet: a number between 0 and 1 is wanted."),
    "check.share.questions": N_("Not yet: that is the share of the questions."),
    "check.share.mean": N_("Not yet: that is per answer; take all of them together."),
    "check.share.wrong": N_("Not yet: tokens of all answers, divided by the tape."),
}
