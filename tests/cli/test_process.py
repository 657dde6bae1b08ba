"""The command as the shell sees it: real processes, their exit codes, pipes, signals, and what they import."""

import os
import signal
import subprocess
import sys
import time

import pytest

NEURON = "1/(1+exp(-(w0*x0+w1*x1+w2)))"
NEURON_AT = "w0=2,x0=-1,w1=-3,x1=-2,w2=-3"


def process(*args, input="", environment=()):
    return subprocess.run(
        [sys.executable, "-m", "gradc", *args],
        input=input,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | dict(environment),
    )


@pytest.mark.parametrize(
    ("args", "input", "code", "stdout"),
    [
        (("eval", "-x**2", "--at", "x=3"), "", 0, "value  -9.0\nd/dx   -6.0\n"),
        (("eval", "-log(x)", "--at", "x=1"), "", 0, "value  -0.0\nd/dx   -1.0\n"),
        (("eval", "-", "--at", "x=3"), "-x", 0, "value  -3.0\nd/dx   -1.0\n"),
        (("eval", "x +", "--at", "x=3"), "", 1, ""),
        (("eval", "x", "--at", "x=three"), "", 1, ""),
        (("eval",), "", 2, ""),
        (("nothing",), "", 2, ""),
    ],
)
def test_exit_codes(args, input, code, stdout):
    result = process(*args, input=input)
    assert (result.returncode, result.stdout) == (code, stdout)
    assert (result.stderr == "") == (code == 0)
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "args",
    [
        ("--help",),
        ("info",),
        ("cache",),
        ("eval", "exp(x)", "--at", "x=1"),
        ("eval", "gamma(x) + digamma(x) + polygamma(2, x) + erf(x) + erfc(x) + normal_cdf(x)", "--at", "x=2"),
        ("eval", "sum(log(1 + exp(-y*x)))", "--at", "x=[1,2],y=[1,-1]"),
        ("trace", NEURON, "--at", NEURON_AT),
        ("trace", NEURON, "--at", NEURON_AT, "-o", os.devnull),
        ("compile", NEURON),
        ("compile", "x: f64[n]; logsumexp(x)", "--emit", "schedule"),
    ],
)
def test_what_answers_at_once_imports_no_compiler(args):
    code = (
        "import sys; from gradc.cli import main\n"
        f"try: main({list(args)!r}, prog_name='gradc')\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'numba', 'sympy', 'scipy', 'rich'} & set(sys.modules)\n"
        "print('imported:', sorted(heavy), file=sys.stderr)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert result.stderr.splitlines()[-1] == "imported: []"


def test_a_reader_that_leaves_early():
    """`gradc trace ... | head -1`"""
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    writer = subprocess.Popen(
        [sys.executable, "-m", "gradc", "trace", "-" * 5_000 + "x", "--at", "x=1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=buffered,
    )  # fmt: skip
    writer.stdout.readline()
    writer.stdout.close()
    complaints = writer.stderr.read()
    writer.stderr.close()
    assert writer.wait(timeout=60) == 141
    assert complaints == b""


def test_ctrl_c():
    reader = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "gradc", "eval", "-", "--at", "x=1"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )  # fmt: skip
    for line in reader.stderr:
        if line.rstrip().endswith(" gradc.cli"):
            break
    else:
        pytest.fail("the process ended by itself")
    time.sleep(0.5)
    reader.send_signal(signal.SIGINT)
    _, complaints = reader.communicate(timeout=60)
    assert reader.returncode == 130
    assert [line for line in complaints.splitlines() if not line.startswith("import time")] == ["interrupted"]


def test_a_full_disk_is_no_fault_of_ours():
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    result = process("compile", "x", "-o", "/dev/full")
    assert result.returncode == 1
    assert "G0701" in result.stderr
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "gradc", "compile", "x"]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert result.returncode == 1
    assert result.stderr == "error[G0701]: standard output cannot be written: No space left on device\n"


FULL = "error[G0701]: standard output cannot be written: No space left on device\n"
STREAMS = {  # a line of a shell: the exit code, what standard error then says
    "gradc --help >&-": (1, "error[G0701]: standard output is closed\n"),
    "gradc --version >/dev/full": (1, FULL),
    "gradc trace x*y --at x=1,y=2 >/dev/full": (1, FULL),
    "gradc trace x*y --at x=1,y=2 --color always 2>/dev/null >/dev/full": (1, ""),
    "gradc bench x*y --quick --against naive >/dev/full": (1, FULL),
    "gradc compile x >&-": (1, "error[G0701]: standard output is closed\n"),
    "gradc compile x -o x.py >&- <&-": (0, "wrote x.py\n"),
    "gradc compile x -o x.py 2>&-": (0, ""),
    "gradc compile x -o x.py 2>/dev/full": (0, ""),
    "gradc compile x -o - >x.py": (0, ""),
    "gradc eval 'x +' --json >&-": (1, "error[G0701]: standard output is closed\n"),
    "gradc eval - <&-": (1, "error[G0701]: standard input is closed\n"),
    "gradc eval - 0>x.txt": (1, "error[G0701]: standard input cannot be read: Bad file descriptor\n"),
    "gradc eval 'x +' 2>&-": (1, ""),
    "gradc eval 'x +' 2>/dev/full": (1, ""),
    "gradc eval 2>/dev/full": (2, ""),
    "gradc nothing >&- 2>&- <&-": (2, ""),
    "gradc --help | true": (141, ""),
    "gradc compile x | true": (141, ""),
    "gradc explain G0103 --json | true": (141, ""),
    "gradc compile x -o /dev/stdout | true": (141, ""),
    "{ gradc eval 'x +' 2>&1 >&3 | true; } 3>&1": (1, ""),
}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("line", STREAMS)
def test_streams_that_are_closed_or_full_are_no_fault_of_ours(line, tmp_path):
    bash = ["bash", "-c", f'gradc() {{ "{sys.executable}" -m gradc "$@"; }}; set -o pipefail; {line}']
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(bash, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == STREAMS[line]
    assert set(os.listdir(tmp_path)) <= {"x.py", "x.txt"}
    if "x.py" in os.listdir(tmp_path):
        assert "def value_and_grad" in (tmp_path / "x.py").read_text()


def test_text_that_the_terminal_cannot_show():
    result = process("compile", "x  # \N{GREEK SMALL LETTER ALPHA}", environment={"PYTHONIOENCODING": "ascii"})
    assert result.returncode == 0
    assert "\\u03b1" in result.stdout
    broken = subprocess.run([sys.executable, "-m", "gradc", "compile", b"x  # \xff"], capture_output=True, timeout=60)
    assert broken.returncode == 1
    assert b"EXPR is not UTF-8 text from character 6 on" in broken.stderr


def test_shell_completion_knows_commands_options_and_stages():
    def completions(words):
        asked = {"_GRADC_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
        return [line.partition(",")[2] for line in process(environment=asked).stdout.splitlines()]

    assert {"compile", "eval", "trace", "check", "bench", "info", "cache"} <= set(completions("gradc "))
    assert completions("gradc compile --em") == ["--emit"]
    assert {"graph", "schedule", "python"} <= set(completions("gradc compile --emit "))
    assert "--at" in completions("gradc eval -x --")
