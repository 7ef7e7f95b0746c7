"""What is wrong with a file is said at its place, in words, with what helps; all of it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import FlowFileError
from engine.flowfile import compile_flow

HEAD = "name: demo\n"
STEP = "steps:\n  - {id: a, run: 'true'}\n"


def problems(text: str | bytes, source: str = "demo.yaml") -> list[str]:
    """The lines of a file's error."""
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(FlowFileError) as caught:
        compile_flow(data, source)
    listed = caught.value.details["problems"]
    lines = caught.value.message.split("\n")
    assert len(lines) == len(listed)
    for line, problem in zip(lines, listed, strict=True):
        assert set(problem) == {"line", "column", "what", "hint"}
        assert line.startswith(f"{source}:{problem['line']}:{problem['column']}: ")
        assert "pydantic" not in line
    return [line.removeprefix(f"{source}:") for line in lines]


# (the file's text, every line of its error)
WRONG: dict[str, tuple[str, list[str]]] = {
    "unknown key": (HEAD + STEP + "descripton: x\n", [
        "4:1: a flow has no key `descripton` (did you mean `description`?)"]),
    "a control character": (HEAD + "description: a\n" + STEP + "# \x07\n", [
        "5:3: the character U+0007 is not allowed (remove control characters)"]),
    "unknown key of a step": (HEAD + "steps:\n  - id: a\n    run: x\n    need: [b]\n", [
        "5:5: a `run` step has no key `need` (did you mean `needs`?)"]),
    "bounds with nothing between them": (HEAD + STEP + "inputs:\n  a: {minimum: 5, maximum: 3, "
        "default: 4}\n  b: {type: array, items: {minLength: 2, maxLength: 1}}\n", [
        "5:28: no value is allowed: `minimum` is 5, and `maximum` 3 (change one of them)",
        "6:53: no value is allowed: `minLength` is 2, and `maxLength` 1 (change one of them)"]),
    "a port that there is not": (HEAD + STEP + "requires: {hosts: ['a:65535', 'a:65536']}\n", [
        "4:31: a host with a port is expected, not the text `a:65536` (such as store:443)"]),
    "quotes of a shell": (HEAD + "steps: [{id: a, run: x, shell: \"sh 'x\"}]\n", [
        "2:32: the command line cannot be read: No closing quotation (close its quotes, or write "
        "a list of words)"]),
    "a mock that fails with anything": (HEAD + STEP + "tests: [{name: t, mock: {a: {error: any}}}]\n",
        ["4:37: `any` stands for several types of error (name one, such as exit:1 or http:503)"]),
    "no steps": (HEAD, ["1:1: `steps` is missing (a flow has a step or more)"]),
    "empty steps": (HEAD + "steps: []\n", ["2:8: `steps` is empty (a flow has a step or more)"]),
    "steps as a map": (HEAD + "steps: {a: b}\n", [
        "2:8: a list of steps is expected, not a map (begin each step with `- id:`)"]),
    "step as a text": (HEAD + "steps: [x]\n", ["2:9: a step is a map (begin it with `- id:`)"]),
    "nothing to do": (HEAD + "steps: [{id: a}]\n", [
        "2:9: the step says nothing to do (add `run:` or `python:`)"]),
    "two things": (HEAD + "steps: [{id: a, run: x, python: {call: 'a:b'}}]\n", [
        "2:25: a step does one thing: this one has `run` and `python` (make it two steps)"]),
    "no id": (HEAD + "steps: [{run: x}]\n", [
        "2:9: the step has no `id` (add `id: …`, a name of its own)"]),
    "bad id": (HEAD + "steps: [{id: a-b, run: x}]\n", [
        "2:14: `a-b` is no name (letters, digits and _, not beginning with a digit, at most 63)"]),
    "id is a word": (HEAD + "steps: [{id: 'null', run: x}]\n", [
        "2:14: `null` is a word of expressions and cannot be a name (choose another)"]),
    "id twice": (HEAD + STEP + "finally:\n  - {id: a, run: x}\n", [
        "5:10: the step id `a` is there twice (the first is in line 3)"]),
    "unknown need": (HEAD + STEP + "  - {id: b, needs: [aa], run: x}\n", [
        "4:21: there is no step `aa` (did you mean `a`?)"]),
    "needs itself": (HEAD + "steps: [{id: a, needs: a, run: x}]\n", [
        "2:24: the step `a` needs itself (remove it)"]),
    "circle": (HEAD + "steps:\n  - {id: a, needs: [c], run: x}\n  - {id: b, run: x}\n"
               "  - {id: c, run: x}\n  - {id: d, needs: [c], run: x}\n", [
        "3:20: the steps need each other in a circle: a → c → b → a (remove one of these needs)"]),
    "finally needs steps": (HEAD + STEP + "finally: [{id: z, needs: [a], run: x}]\n", [
        "4:27: `a` is in `steps`, which cannot be needed here "
        "(`finally` steps run when all `steps` have ended)"]),
    "duration as a number": (HEAD + STEP + "timeout: 10\n", [
        "4:10: a duration such as 10s, 5m or 1h30m is expected, not the number 10 "
        "(write 10s for seconds)"]),
    "duration in words": (HEAD + STEP + "timeout: ten minutes\n", [
        "4:10: a duration such as 10s, 5m or 1h30m is expected, not the text `ten minutes` "
        "(write 500ms, 10s, 5m, 2h, 1d or 1h30m)"]),
    "no time at all": (HEAD + STEP + "timeout: 0s\n", ["4:10: `0s` is too short (at least 100ms)"]),
    "retry": (HEAD + "steps:\n  - id: a\n    run: x\n    retry: {max_attempts: 0, backof: 2, "
              "on: [timout, 'exit:300', 'signal:KILL', any]}\n", [
        "5:27: a whole number from 1 to 1000 is expected, not the number 0",
        "5:30: a retry has no key `backof` (did you mean `backoff`?)",
        "5:46: `timout` is no type of error (did you mean `timeout`?)",
        "5:54: `exit:300` is no type of error (exit:75, signal:SIGKILL, timeout, connection, "
        "any, …)",
        "5:66: `signal:KILL` is no type of error (did you mean `signal:SIGKILL`?)"]),
    "retry that does nothing": (HEAD + "steps: [{id: a, run: x, retry: {delay: 1s}}]\n", [
        "2:32: `retry` without `max_attempts` tries once (add max_attempts: 3)"]),
    "choice": (HEAD + "steps: [{id: a, run: x, on_interrupt: retri}]\n", [
        "2:39: `retry` or `fail` or `hold` is expected, not the text `retri` "
        "(did you mean `retry`?)"]),
    "yes is a text": (HEAD + STEP + "debug: yes\n", [
        "4:8: true or false is expected, not the text `yes` (write true)"]),
    "a number for a text": (HEAD + STEP + "description: 1.20\n", [
        '4:14: a text is expected, not the number 1.20 (write "1.20")']),
    "flow name": ("name: My Flow\n" + STEP, [
        "1:7: a flow's name is expected, not the text `My Flow` (lower case letters, digits, `.`, "
        "`_`, `-`, at most 64, beginning with a letter or digit)"]),
    "empty command": (HEAD + "steps: [{id: a, run: ''}]\n", [
        "2:22: a command is expected, not an empty one (write the command after `run:`)"]),
    "python without a thing": (HEAD + "steps: [{id: a, python: {args: {}}}]\n", [
        "2:25: `python` needs `call` or `script` (such as call: package.module:function)"]),
    "python with two things": (HEAD + "steps: [{id: a, python: {call: 'a:b', script: x}}]\n", [
        "2:39: `python` takes `call` or `script`, not both (remove one)"]),
    "call": (HEAD + "steps: [{id: a, python: {call: a.b}}]\n", [
        "2:32: package.module:function is expected, not the text `a.b` "
        "(such as scoring.model:score)"]),
    "script": (HEAD + "steps:\n  - id: a\n    python:\n      script: |\n        x = 1\n"
               "        if x\n", ["7:13: the script is no Python: expected ':'"]),
    "env name": (HEAD + STEP + "env: {A-B: x, WINGMAN_STEP: y, OK: 1}\n", [
        "4:7: `A-B` is no name of an environment variable (letters, digits and _)",
        "4:15: `WINGMAN_STEP` is set by the engine (names that begin with WINGMAN_ are its own)"]),
    "env value": (HEAD + STEP + "env: {A: [1], B: null}\n", [
        "4:10: a text is expected, not a list",
        '4:18: a text is expected, not null (write "null")']),
    "text in the place of a list": (HEAD + STEP + "env_passthrough: HOME\n", [
        "4:18: a list of names is expected, not the text `HOME` "
        "(write [a, b], or one entry a line after `- `)"]),
    # expressions
    "unknown input": (HEAD + "inputs: {keep: {type: integer, default: 1}}\nsteps:\n"
                      "  - {id: a, if: inputs.kepp > 0, run: x}\n", [
        "4:17: there is no input `kepp` (did you mean `keep`?)"]),
    "an input without its root": (HEAD + "inputs: {keep: {default: 1}}\nsteps:\n"
                                  "  - {id: a, if: keep > 0, run: x}\n", [
        "4:17: there is no `keep` in `if` (did you mean `inputs.keep`?)"]),
    "syntax of an if": (HEAD + "steps:\n  - id: a\n    run: x\n    if: 1 > 2 &&\n", [
        "5:17: the expression ends too early"]),
    "if with braces": (HEAD + "steps: [{id: a, run: x, if: '${{ true }}'}]\n", [
        "2:29: an expression stands here without `${{ }}` (remove the `${{` and `}}`)"]),
    "unknown function": (HEAD + "steps:\n  - id: a\n    run: |\n      one\n"
                         "        two ${{ siz('x') }}\n", [
        "6:17: there is no function `siz` (did you mean `size`?)"]),
    "unclosed": (HEAD + 'steps:\n  - id: a\n    run: "echo ${{ env.HOME"\n', [
        "4:16: `${{` is never closed (add `}}`)"]),
    "expression in a folded text": (HEAD + "steps:\n  - id: a\n    run: >\n      one\n      two\n\n"
                                    "      ${{ 1 + }} three\n", [
        "8:15: the expression ends too early"]),
    "expression in a text with escapes": (
        HEAD + "steps:\n  - {id: a, run: 'it''s ${{ nope }}'}\n", [
            "3:29: there is no `nope` in `run` (there is inputs, env, steps, execution, trigger, "
            "environment)"]),
    "the environment as a whole": (HEAD + "steps: [{id: a, run: x, if: environment == 1}]\n", [
        "2:29: `environment` needs the name of a value here (such as environment.name)"]),
    "a computed value of the environment": (
        HEAD + "steps: [{id: a, run: x, if: 'environment[inputs.x] == 1'}]\n", [
            "2:30: `environment` needs the name of a value here (such as environment.name)",
            "2:42: there is no input `x` (the flow declares none)"]),
    "not a need": (HEAD + STEP + "  - {id: b, needs: [], run: 'x ${{ steps.a.outputs.n }}'}\n", [
        "4:36: `b` does not need `a`, so it may run before it (add `a` to its needs)"]),
    "a later step": (HEAD + "steps:\n  - {id: a, if: steps.b.state == 'x', run: x}\n"
                     "  - {id: b, run: x}\n", [
        "3:17: `a` does not need `b`, so it may run before it (add `b` to its needs)"]),
    "itself": (HEAD + "steps: [{id: a, run: x, if: steps.a.outputs.n > 1}]\n", [
        "2:29: a step cannot refer to itself (its outputs are `outputs` in `expect`)"]),
    "unknown step": (HEAD + STEP + "outputs: {n: '${{ steps.b.outputs.n }}'}\n", [
        "4:19: there is no step `b` (one of a)"]),
    "not of a step": (HEAD + STEP + "outputs: {n: '${{ steps.a.output.n }}'}\n", [
        "4:19: a step has no `output` (write steps.a.outputs.… or steps.a.state)"]),
    "any step": (HEAD + STEP + "outputs: {n: '${{ steps[env.X].state }}'}\n", [
        "4:19: `steps` needs the name of a step here (such as steps.dump.outputs.size)",
        "4:25: there is no environment variable `X` (one of HOME, LANG, PATH, TERM, TZ)"]),
    "outputs outside expect": (HEAD + "steps: [{id: a, run: x, if: outputs.n > 1}]\n", [
        "2:29: there is no `outputs` in `if` (it is known in `expect`)"]),
    "field of the execution": (HEAD + STEP + "outputs: {n: '${{ execution.nummer }}'}\n", [
        "4:19: there is no execution `nummer` (did you mean `number`?)"]),
    "pasted input": (HEAD + "inputs: {db: {default: app}}\nsteps:\n"
                     "  - {id: a, run: 'dump ${{ inputs.db }}'}\n", [
        "4:28: `inputs.db` is pasted into `run:`, where its text would be executed "
        '(write "$db", or ${{ quote(inputs.db) }})']),
    "quote in quotes": (
        HEAD + "inputs: {db: {default: app}}\nsteps:\n  - id: a\n    run: |\n"
        "      # don't\n      x ${{ quote(inputs.db) }} \"$(y ${{ quote(inputs.db) }})\"\n"
        "      y \"${{ quote(inputs.db) }}\" 'a'\n      z 'b ${{ quote(inputs.db) }}'\n"
        "      cat <<EOF\n      it's ${{ quote(inputs.db) }}\n      EOF\n"
        "      w ${{ quote(inputs.db) }}\n", [
            f"{place}: quote() does not hold inside {where}: the value could be executed "
            "(write it outside; it brings its own quotes)"
            for place, where in (("8:14", "quotes"), ("9:16", "quotes"),
                                 ("11:16", "a here-document"))]),
    "quote in a Python text": (
        HEAD + "inputs: {db: {default: app}}\nsteps:\n  - id: a\n    python:\n      script: |\n"
        "        x = ${{ quote(inputs.db) }}\n        y = 'b ${{ quote(inputs.db) }}'\n"
        "        z = f${{ quote(inputs.db) }} # ${{ quote(inputs.db) }}\n", [
            f"{place}: quote() does not hold inside a text, a comment or a name: the value could "
            "be executed (write it outside; it brings its own quotes)"
            for place in ("8:20", "9:18", "9:44")]),
    "pasted beside a quote": (HEAD + "inputs: {db: {default: app}}\nsteps:\n"
                              "  - {id: a, run: 'x ${{ quote(inputs.db) + inputs.db }}'}\n", [
        "4:44: `inputs.db` is pasted into `run:`, where its text would be executed "
        '(write "$db", or ${{ quote(inputs.db) }})']),
    "pasted into Python": (HEAD + "inputs: {db: {default: app}}\nsteps:\n"
                           "  - {id: a, python: {script: 'print(${{ inputs.db }})'}}\n", [
        "4:41: `inputs.db` is pasted into `script:`, where its text would be executed "
        '(write os.environ["db"], or ${{ quote(inputs.db) }})']),
    "nested comprehension": (HEAD + "inputs: {l: {type: array, default: []}}\nsteps:\n"
                             "  - {id: a, run: x, if: 'inputs.l.all(x, inputs.l.all(y, true))'}\n",
                             ["4:51: `all` inside another comprehension "
                              "(its cost has no bound; prepare one of the lists in a step)"]),
    # inputs
    "input names": (HEAD + "inputs: {PATH: {}, LD_PRELOAD: {}, PYTHONPATH: {}, a-b: {}, "
                    "WINGMAN_X: {}, IFS: {}, BASH_ENV: {}, ENV: {}}\n" + STEP, [
        *(f"2:{column}: an input may not be called `{name}` "
          "(it would change how the steps' programs run; choose another name)"
          for column, name in ((10, "PATH"), (20, "LD_PRELOAD"), (36, "PYTHONPATH"))),
        "2:52: `a-b` is no name (letters, digits and _, not beginning with a digit, at most 63)",
        *(f"2:{column}: an input may not be called `{name}` "
          "(it would change how the steps' programs run; choose another name)"
          for column, name in ((61, "WINGMAN_X"), (76, "IFS"), (85, "BASH_ENV"), (99, "ENV"))),
    ]),
    "input type": (HEAD + "inputs: {n: {type: int}}\n" + STEP, [
        "2:20: `string` or `integer` or `number` or `boolean` or `array` or `object` is expected, "
        "not the text `int` (did you mean `integer`?)"]),
    "default of another type": (HEAD + "inputs: {n: {type: integer, default: x}}\n" + STEP, [
        '2:38: the default of `n` must be a whole number, not "x"']),
    "default against its own schema": (
        HEAD + "inputs:\n  n: {type: integer, default: 0, minimum: 1}\n"
        "  s: {type: string, default: A, pattern: '^[a-z]$'}\n"
        "  e: {default: c, enum: [a, b]}\n" + STEP, [
            "3:31: the default of `n` must be 1 or more",
            "4:30: the default of `s` does not match its pattern ^[a-z]$",
            '5:16: the default of `e` is none of the allowed values (one of "a", "b")']),
    "a secret default": (
        HEAD + "inputs: {t: {type: integer, sensitive: true, default: hunter2}}\n" + STEP, [
            "2:55: the default of the sensitive input `t` stands in the file for all to read "
            '(leave it out, or write "")']),
    "pattern": (HEAD + "inputs: {s: {pattern: '(?=a)'}}\n" + STEP, [
        "2:23: the pattern cannot be used: invalid perl operator: (?= "
        "(patterns are RE2: no look-around, no back references)"]),
    "word of another type": (HEAD + "inputs: {n: {type: integer, pattern: a}}\n" + STEP, [
        "2:29: `pattern` says nothing about a whole number (it belongs to a text)"]),
    "required": (HEAD + "inputs: {n: {type: object, required: true}}\n" + STEP, [
        "2:38: `required` must be a list of names "
        "(an input without a default is required by itself)"]),
    "word": (HEAD + "inputs: {n: {minimun: 1}}\n" + STEP, [
        "2:14: an input has no key `minimun` (did you mean `minimum`?)"]),
    "inner schema": (
        HEAD + "inputs: {n: {type: array, items: {type: strin, maxLenght: 3}}}\n" + STEP, [
            "2:41: `strin` is no type (did you mean `string`?)"]),
    "retention": (HEAD + "retention: {keep: 0, day: 3}\n" + STEP, [
        "2:19: a whole number from 1 to 100000 is expected, not the number 0",
        "2:22: `retention` has no key `day` (did you mean `days`?)"]),
    "retention of nothing": (HEAD + "retention: {}\n" + STEP, [
        "2:12: `retention` says nothing (such as {keep: 100, days: 90})"]),
    "http": (HEAD + "steps:\n  - {id: a, http: {url: 'ftp://x', methd: GET}}\n"
             "  - {id: b, http: {url: 'http://u:p@x', body: x, body_file: f}}\n"
             "  - id: c\n    http: {url: 'http://x', headers: {A B: x, Host: y, X: {secret: KEY}},\n"
             "           auth: {bearer: a, basic: {username: u}}, expect_status: [20, 2xx]}\n"
             "  - {id: d, http: {method: GET}}\n", [
        "3:25: an address such as https://host/path is expected, not the text `ftp://x` "
        "(it begins with http:// or https://)",
        "3:36: `http` has no key `methd` (did you mean `method`?)",
        "4:25: the address holds a password for all to read "
        "(use `auth: {basic: {username: …, password: {secret: NAME}}}`)",
        "4:50: `http` takes `body` or `body_file`, not both (remove one)",
        "6:39: `A B` is no name of a header (letters, digits and -)",
        "6:47: `Host` is set by the request itself (remove it)",
        "6:68: the flow declares no secret `KEY` (add it: secrets: [KEY])",
        "7:18: `auth` takes `bearer` or `basic` (such as {bearer: {secret: NAME}})",
        "7:37: `password` is missing",
        "7:69: a status such as 200 or 2xx is expected, not the number 20",
        "8:19: `url` is missing"]),
    "concurrency": (HEAD + "inputs: {key: {type: string, sensitive: true}}\n"
                    "concurrency: {group: '${{ inputs.key }}', limit: 0, on_conflict: wait}\n"
                    "requires: {programs: [], hosts: [store, 'a:99x'], flows: [A], file: x}\n" + STEP, [
        "3:22: `inputs.key` is sensitive, and a group's name is shown (take another input)",
        "3:50: a whole number from 1 to 10000 is expected, not the number 0",
        "3:66: `queue` or `skip` or `cancel_running` or `fail` is expected, not the text `wait`",
        "4:22: the list is empty (add an entry, or remove the key)",
        "4:34: a host with a port is expected, not the text `store` (such as store:443)",
        "4:41: a host with a port is expected, not the text `a:99x` (such as store:443)",
        "4:59: a flow's name is expected, not the text `A` "
        "(lower case letters, digits, `.`, `_`, `-`)",
        "4:63: `requires` has no key `file` (did you mean `files`?)"]),
    "pools": (HEAD + "steps:\n  - {id: a, run: x, pools: [db]}\n"
              "  - {id: b, run: x, pools: {'a b': 1, db: 0, net: many}}\n", [
        "3:28: a map of pools to slots is expected, not a list (write `name: value`, one a line)",
        "4:29: `a b` is no name of a pool (letters, digits, _ and -, at most 63)",
        "4:43: a whole number from 1 to 10000 is expected, not the number 0",
        "4:51: a whole number from 1 to 10000 is expected, not the text `many`"]),
    # YAML
    "anchor and alias": (HEAD + "env: &e {A: x}\n" + STEP.replace("'true'", "'x', env: *e"), [
        "2:6: the anchor `&e` is not taken (write the value out where it is used)",
        "4:28: the alias `*e` is not taken (write the value out; aliases can make a file "
        "explode)"]),
    "merge key": (HEAD + "env: {<<: {A: x}}\n" + STEP, [
        "2:7: the merge key `<<` is not taken (write the keys out)"]),
    "tag": (HEAD + "env: {A: !!str 1, B: !x y}\n" + STEP, [
        "2:10: the tag `tag:yaml.org,2002:str` is not taken "
        "(put a text in quotes; leave other values as they are)",
        "2:22: the tag `!x` is not taken (put a text in quotes; leave other values as they are)"]),
    "key twice": (HEAD + STEP + "name: again\n", [
        "4:1: the key `name` is there twice (the first is in line 1)"]),
    "two documents": (HEAD + STEP + "---\nname: b\n", [
        "4:1: a second document starts here (one flow a file: move it to a file of its own)"]),
    "key that is a list": (HEAD + STEP + "? [a]\n: b\n", [
        "4:3: a key must be a text (put the value after the colon)"]),
    "tab": ("steps:\n\t- x\n", [
        "2:1: a character that cannot begin a value (indent with spaces, not tabs; put texts that "
        "begin with @ ` or % in quotes)"]),
    "colon": ("name: a: b\n", [
        "1:8: a `: ` where none can be (put texts with `: ` in quotes, or check the indentation)"]),
    "bracket": ("steps: [1, 2\nname: x\n", [
        "2:5: a `,` or `]` is missing (it began in line 1, column 8)"]),
    "number that is none": (HEAD + "inputs: {n: {type: number, default: .inf, maximum: 1e999, "
                            "minimum: 99999999999999999999}}\n" + STEP, [
        "2:37: `.inf` is no finite number (put it in quotes)",
        "2:52: `1e999` is too large a number (put it in quotes)",
        "2:68: `99999999999999999999` is beyond 64 bits (put it in quotes)"]),
    "empty": ("", ["1:1: the file is empty (begin with `name:` and `steps:`)"]),
    "comment": ("# nothing\n", ["1:1: the file is empty (begin with `name:` and `steps:`)"]),
    "list": ("- a\n", ["1:1: a flow file is a map of keys (begin with `name:` and `steps:`)"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_each_problem_has_its_place_and_words(case: str) -> None:
    text, expected = WRONG[case]
    assert problems(text) == expected


def test_bytes_that_are_no_text() -> None:
    assert problems(b"name: a\n  \xff") == ["2:3: this is no UTF-8 text (save the file as UTF-8)"]
    assert problems("a: \x1b[2J") == ["1:4: the character U+001B is not allowed "
                                      "(remove control characters)"]


def test_problems_of_all_kinds_come_at_once_in_order() -> None:
    text = (HEAD + "tmeout: 1m\ninputs: {n: {type: integer, default: x}}\nsteps:\n"
            "  - {id: a, needs: [q], run: 'x ${{ inputs.m }}'}\n  - {id: a, http: {}}\n")
    places = [line.split(" ")[0] for line in problems(text)]
    assert places == ["2:1:", "3:38:", "5:21:", "5:37:", "6:10:", "6:19:"]


def test_names_cannot_break_a_line_or_move_the_terminal() -> None:
    lines = problems(HEAD + STEP + '"a\\nb\\e[2J\\u202E": 1\n')
    assert len(lines) == 1
    assert lines[0].startswith(r"4:1: a flow has no key `a\nb\x1b[2J\u202e` (one of alerts, ")


def test_a_flood_of_problems_ends_with_a_word() -> None:
    lines = problems(HEAD + "".join(f"k{number}: 1\n" for number in range(5_000)) + STEP)
    assert len(lines) == 101
    assert "checking stopped here" in lines[-1]


def test_the_name_comes_from_the_file() -> None:
    assert compile_flow(STEP.encode(), "/flows/nightly-backup.yaml")["name"] == "nightly-backup"
    assert problems(STEP, "/flows/My Flow.yml") == [
        "1:1: the file's name `My Flow` cannot be the flow's name (add `name: my-flow`)"]
    with pytest.raises(FlowFileError, match=r"<flow>:1:1: `name` is missing \(add `name"):
        compile_flow(STEP.encode(), "")


def test_the_whole_language_is_known() -> None:
    """The example of the design: nothing in it is unknown."""
    text = (Path(__file__).parent / "whole-language.yaml").read_bytes()
    alerts = compile_flow(text, "/flows/nightly-backup.yaml")["alerts"]
    assert [(alert["on"][0], alert["to"], alert["after_s"]) for alert in alerts] == [
        ("failed", ["ops"], None), ("long_running", [], 1800.0), ("failed", ["ops"], None)]


def test_secrets_are_names_of_variables_and_no_values_of_expressions() -> None:
    text = """
secrets: [PATH, 9x, {a: b}, TOKEN]
steps: [{id: s, run: 'true'}]
"""
    wrong = [line.split(" (")[0] for line in problems(text)]
    assert wrong == [
        "2:11: a secret may not be called `PATH`",
        "2:17: `9x` is no name of a secret",
        "2:21: the name of a secret is expected, not a map",
    ]
    (line,) = problems("secrets: [TOKEN]\nsteps: [{id: s, run: 'echo ${{ env.TOKEN }}'}]")
    assert line == (
        "2:32: the secret `TOKEN` cannot be a value of an expression "
        '(the step has it as a variable: write "$TOKEN")'
    )


def test_permissions_name_roles_and_users() -> None:
    text = "permissions: {run: [operater, 'user:anna', 'user:', 7], view: viewer, edit: [admin]}"
    wrong = [line.split(" (")[0] for line in problems(text + "\nsteps: [{id: s, run: 'true'}]")]
    assert wrong == [
        "1:21: a role or user:NAME is expected, not the text `operater`",
        "1:44: a role or user:NAME is expected, not the text `user:`",
        "1:53: a role or user:NAME is expected, not the number 7",
        "1:71: `permissions` has no key `edit`",
    ]
