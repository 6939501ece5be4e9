"""Where a Meltano project keeps its state, as Meltano resolves it and as penstock does:
with_project.py project [TEST...]

In each case Meltano writes a state into the project, and penstock, given the project's directory,
has to list it.
"""

import contextlib
import logging
import os
import shutil
import time

os.environ.update(MELTANO_SEND_ANONYMOUS_USAGE_STATS="false", MELTANO_CLI_LOG_LEVEL="warning")

import structlog
from meltano.core.db import project_engine
from meltano.core.migration_service import MigrationService
from meltano.core.project import Project
from meltano.core.state_service import StateService
from meltano.core.state_store import state_store_manager_from_project_settings

import harness
from harness import DONE, LOCKED, Penstock, equal

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
logging.disable(logging.CRITICAL)

HEAD = """\
version: 1
project_id: 6f1d2c1e-0f4b-4f5c-8f7e-0a3f3b1f6c11
send_anonymous_usage_stats: false
default_environment: dev
environments: [{name: dev}, {name: prod}]
"""

# name: (meltano.yml, environment, .env, other files); @root is the project.
CASES = {
    "default": ("", {}, "", {}),
    "nested": ("state_backend:\n  uri: file://@root/st\n", {}, "", {}),
    "dotted": ("state_backend.uri: file://@root/st\n", {}, "", {}),
    "nested, then dotted": (
        "state_backend:\n  uri: file://@root/a\nstate_backend.uri: file://@root/b\n", {}, "", {}),
    "dotted, then nested": (
        "state_backend.uri: file://@root/b\nstate_backend:\n  uri: file://@root/a\n", {}, "", {}),
    "flow and quotes": ('state_backend: {"uri": "file://@root/s t"}\n', {}, "", {}),
    "an anchor": ("x: &u file://@root/anchored\nstate_backend:\n  uri: *u\n", {}, "", {}),
    "null is the default": ("state_backend:\n  uri: null\n", {}, "", {}),
    "root env": ("env:\n  MELTANO_STATE_BACKEND_URI: file://@root/from-yml\n",
                 {"MELTANO_STATE_BACKEND_URI": "file://@root/from-process"}, "", {}),
    "process": ("state_backend:\n  uri: file://@root/st\n",
                {"MELTANO_STATE_BACKEND_URI": "file://@root/from-process"},
                "MELTANO_STATE_BACKEND_URI=file://@root/from-dotenv\n", {}),
    "dotenv": ("state_backend:\n  uri: file://@root/st\n", {},
               "MELTANO_STATE_BACKEND_URI=file://@root/from-dotenv\n", {}),
    "dotenv, spaces and comment": (
        "", {}, "# c\n\n  MELTANO_STATE_BACKEND_URI =  file://@root/de   # why\n", {}),
    "dotenv, export and quotes": (
        "", {}, "export MELTANO_STATE_BACKEND_URI='file://@root/d e'\n", {}),
    "dotenv, the last one": ("", {}, "MELTANO_STATE_BACKEND_URI=file://@root/1\n"
                             "MELTANO_STATE_BACKEND_URI=\"file://@root/2\" # x\n", {}),
    "dotenv, interpolated": (
        "", {"FROM_PROCESS": "p", "BOTH": "process"},
        "A=a\nBOTH=dotenv\nMELTANO_STATE_BACKEND_URI="
        "file://@root/${A}-${FROM_PROCESS}-${BOTH}-${MISSING}-${NONE:-d}-$A\n", {}),
    "dotenv, a name without value": ("state_backend:\n  uri: file://@root/st\n", {},
                                     "MELTANO_STATE_BACKEND_URI\n", {}),
    "expanded": ("env:\n  IN_YML: y\nstate_backend:\n"
                 "  uri: file://@root/$IN_YML-${IN_YML}-$UPPER-${lower}-$lower-${missing}-e\n",
                 {"UPPER": "U", "lower": "l"}, "UPPER=dotenv\n", {}),
    "expanded from dotenv": ("state_backend:\n  uri: file://@root/${IN_DOTENV}\n", {},
                             "IN_DOTENV=d\n", {}),
    "expanded once": ("env:\n  ONE: ${TWO}\n  TWO: t\nstate_backend:\n  uri: file://@root/x-${ONE}\n",
                      {}, "", {}),
    "escaped": ("state_backend:\n  uri: file://@root/\\$UPPER\n", {"UPPER": "U"}, "", {}),
    "not expanded in the process": ("", {"MELTANO_STATE_BACKEND_URI": "file://@root/$UPPER",
                                         "UPPER": "U"}, "", {}),
    "the environment": ("state_backend:\n  uri: file://@root/st-${MELTANO_ENVIRONMENT}\n",
                        {"MELTANO_ENVIRONMENT": "prod"}, "", {}),
    "no environment": ("state_backend:\n  uri: file://@root/st-${MELTANO_ENVIRONMENT}\n", {}, "", {}),
    "the project's own names": (
        "state_backend:\n  uri: file://${MELTANO_PROJECT_ROOT}/st\n", {}, "", {}),
    "system directory": ("state_backend:\n  uri: file:///${MELTANO_SYS_DIR_ROOT}/state\n", {}, "", {}),
    "another system directory": ("", {"MELTANO_SYS_DIR_ROOT": "@root/sys"}, "", {}),
    "included": ("include_paths: ['./sub/*.yml']\nstate_backend:\n  uri: file://@root/st\n", {}, "",
                 {"sub/more.yml": "state_backend:\n  uri: file://@root/included\n"}),
    "included alone": ("include_paths:\n- more.yml\n", {}, "",
                       {"more.yml": "database_uri: sqlite:///@root/included.db\n"}),
    "one slash": ("state_backend:\n  uri: file:@root/st\n", {}, "", {}),
    "query and fragment": ("state_backend:\n  uri: file://@root/q?a=b#c\n", {}, "", {}),
    "percent": ("state_backend:\n  uri: file://@root/a%20b\n", {}, "", {}),
    "a trailing slash": ("state_backend:\n  uri: file://@root/st/\n", {}, "", {}),
    "database": ("database_uri: sqlite:///@root/other.db\n", {}, "", {}),
    "database, relative": ("database_uri: sqlite:///relative.db\n", {}, "", {}),
    "database, process": ("database_uri: sqlite:///@root/other.db\n",
                          {"MELTANO_DATABASE_URI": "sqlite:///@root/from-process.db"}, "", {}),
}


class Projects:
    def __init__(self):
        self.home = os.path.join(harness.WORK, "projects")
        self.migrated = os.path.join(harness.WORK, "migrated.db")
        self.made = 0

    def close(self):
        pass

    @contextlib.contextmanager
    def project(self, yml, environment, dotenv, files):
        """A project of its own, with its environment and as the working directory."""
        root = os.path.join(self.home, str(self.made))
        self.made += 1
        os.makedirs(root)
        for name, text in {"meltano.yml": HEAD + yml, ".env": dotenv, **files}.items():
            path = os.path.join(root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.replace("@root", root))
        before = dict(os.environ)
        os.environ.update({name: value.replace("@root", root) for name, value in environment.items()})
        os.chdir(root)
        try:
            yield root
        finally:
            os.environ.clear()
            os.environ.update(before)
            os.chdir(harness.WORK)
            shutil.rmtree(root)

    def write_state(self, root, state_id):
        """As `meltano state set` does: with the environment that the process names, or none."""
        project = Project(root)
        if os.environ.get("MELTANO_ENVIRONMENT"):
            project.activate_environment(os.environ["MELTANO_ENVIRONMENT"])
        uri = project.settings.get("database_uri")
        path = uri.removeprefix("sqlite:///")
        os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
        if os.path.exists(self.migrated):
            shutil.copy(self.migrated, path)
        engine, session = project_engine(project)
        if not os.path.exists(self.migrated):
            MigrationService(engine).upgrade(silent=True)
            shutil.copy(path, self.migrated)
        with session() as open_session:
            StateService(project, open_session).set_state(state_id, '{"singer_state": {}}')
        engine.dispose()


def the_same_backend(projects):
    wrong = []
    for number, (name, case) in enumerate(CASES.items()):
        with projects.project(*case) as root:
            try:
                projects.write_state(root, f"case-{number}")
            except ValueError as error:
                # Meltano 3 takes only one of the two spellings.
                assert "duplicated key" in str(error), name
                continue
            ran = Penstock(root, f"case{number}")("state", "list", "-o", "name", exit=tuple(range(11)))
            if ran.out != f"case-{number}\n":
                wrong.append(f"{name}: {ran.out}{ran.err}")
    if wrong:
        raise AssertionError("\n".join(wrong))
    return f"{len(CASES)} projects"


def the_same_lock_timeout(projects):
    """A lock that Meltano still honours is honoured, and one that it takes for left behind is not."""
    yml = "state_backend:\n  uri: file://@root/st\n  lock_timeout_seconds: 600\n"
    for environment, code in (({}, LOCKED),
                              ({"MELTANO_STATE_BACKEND_LOCK_TIMEOUT_SECONDS": "200"}, DONE)):
        with projects.project(yml, environment, "", {}) as root:
            projects.write_state(root, "s")
            with open(os.path.join(root, "st", "s", "lock"), "w", encoding="ascii") as lock:
                lock.write(str(time.time() - 300))
            Penstock(root, "timeout").change("state", "set", "s", '{"singer_state": {"a": 1}}',
                                             "--lock-wait", "0.1", exit=code)
            manager = state_store_manager_from_project_settings(Project(root).settings)
            equal(manager.is_locked("s"), code == LOCKED)


LAYOUTS = {"project": Projects}
TESTS = [the_same_backend, the_same_lock_timeout]

if __name__ == "__main__":
    harness.main(LAYOUTS, TESTS)
