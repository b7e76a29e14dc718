"""The settings of a site: every layer, what wins, and where it came from."""

from __future__ import annotations

import os

import pytest

from gpucore.config import ContainerConfig, ProgramConfig, SiteConfig, load_site
from gpucore.errors import ConfigError, Faults, GpucoreError


class Place:
    """A home, a project below it and a system file, all in a temporary folder."""

    def __init__(self, root):
        self.home = root / "home"
        self.project = self.home / "data" / "project"
        self.project.mkdir(parents=True)
        self.system = root / "etc" / "gpucore.toml"
        self.user = self.home / ".config" / "gpucore" / "gpucore.toml"
        self.environ = {"HOME": str(self.home)}

    def write(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def load(self, given=None, cwd=None, **environ):
        return load_site(
            given, {**self.environ, **environ}, cwd or self.project, system=self.system
        )

    def faults(self, given=None, **environ) -> list[GpucoreError]:
        with pytest.raises(GpucoreError) as raised:
            self.load(given, **environ)
        error = raised.value
        return list(error.errors) if isinstance(error, Faults) else [error]


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_without_any_file_everything_is_built_in(place):
    site = place.load()
    assert site.config == SiteConfig()
    assert set(site.origins.values()) == {"built-in"}
    assert site.files == ()


def test_later_layers_win_and_say_where_they_stand(place, tmp_path):
    text = 'gpus = "{0}"\n'
    place.write(place.system, "threads = 9\n" + text.format(0) + 'policy = "pool"\n')
    assert place.load().config.gpus == "0"
    place.write(place.user, text.format(1))
    assert place.load().config.gpus == "1"
    project = place.write(place.project / "gpucore.toml", text.format(2))
    assert place.load().config.gpus == "2"
    given = place.write(tmp_path / "mine.toml", "\n" + text.format(3))
    site = place.load(given)
    assert site.config.gpus == "3"
    assert site.origins["gpus"] == f"{given}:2"
    assert site.files == (place.system, place.user, project, given)
    site = place.load(given, GPUCORE_GPUS="4-5")
    assert site.config.gpus == "4-5"
    assert site.origins["gpus"] == "environment GPUCORE_GPUS"
    assert (site.config.threads, site.origins["threads"]) == (9, f"{place.system}:1")
    assert (site.config.policy, site.origins["policy"]) == ("pool", f"{place.system}:3")
    assert site.origins["engine"] == "built-in"


def test_xdg_config_home_is_heeded_when_it_is_absolute(place, tmp_path):
    place.write(tmp_path / "xdg" / "gpucore" / "gpucore.toml", 'gpus = "7"\n')
    assert place.load(XDG_CONFIG_HOME=str(tmp_path / "xdg")).config.gpus == "7"
    assert place.load(XDG_CONFIG_HOME="xdg", cwd=place.project).config.gpus == "auto"


def test_the_project_file_is_searched_upwards_to_the_home_folder(place, tmp_path):
    place.write(tmp_path / "gpucore.toml", 'gpus = "8"\n')
    assert place.load().config.gpus == "auto"
    place.write(place.home / "gpucore.toml", 'gpus = "5"\n')
    assert place.load().config.gpus == "5"
    place.write(place.home / "data" / "gpucore.toml", 'gpus = "6"\n')
    assert place.load().config.gpus == "6"
    outside = tmp_path / "scratch"
    outside.mkdir()
    assert place.load(cwd=outside).config.gpus == "8"


def test_a_home_folder_that_is_a_link_ends_the_search_all_the_same(place, tmp_path):
    place.write(tmp_path / "gpucore.toml", 'gpus = "8"\n')
    (tmp_path / "link").symlink_to(place.home)
    assert place.load(HOME=str(tmp_path / "link")).config.gpus == "auto"


def test_a_file_that_is_given_and_found_is_read_once(place):
    project = place.write(place.project / "gpucore.toml", 'gpus = "1-"\n')
    assert len(place.faults(project)) == 1


def test_program_tables_merge_by_key_and_variable(place):
    place.write(
        place.system,
        '[program.gctf]\nexecutable = "/opt/Gctf"\nenv = { A = "1", B = "1" }\n'
        '[program.other]\nexecutable = "x"\n',
    )
    place.write(place.user, '[program.gctf.env]\nB = "2"\n[program.other]\nexecutable = ""\n')
    site = place.load()
    assert site.config.program["gctf"] == ProgramConfig(
        executable="/opt/Gctf", env={"A": "1", "B": "2"}
    )
    assert site.config.program["other"].executable == ""
    assert site.origins["program.gctf.executable"] == f"{place.system}:2"
    assert site.origins["program.gctf.env.A"] == f"{place.system}:3"
    assert site.origins["program.gctf.env.B"] == f"{place.user}:2"
    assert site.origins["program.other.executable"] == f"{place.user}:4"


def test_how_a_program_is_started_is_merged_key_by_key(place):
    place.write(
        place.system,
        "[program.gctf]\nmodule_load = ['cuda/12', 'gctf']\nprepend_path = ['/a']\n"
        "container = { image = '/i.sif', options = ['--cleanenv'] }\n",
    )
    place.write(
        place.user,
        "[program.gctf]\nmodule_load = []\nprepend_path = { LD_LIBRARY_PATH = ['/b', '/c'] }\n"
        "[program.gctf.container]\ngpu = false\n",
    )
    site = place.load()
    program = site.config.program["gctf"]
    assert program.module_load == ()
    assert program.paths == {"LD_LIBRARY_PATH": ("/b", "/c")}
    assert program.container == ContainerConfig(image="/i.sif", gpu=False, options=("--cleanenv",))
    assert site.origins["program.gctf.module_load"] == f"{place.user}:2"
    assert site.origins["program.gctf.prepend_path"] == f"{place.user}:3"
    assert site.origins["program.gctf.container.image"] == f"{place.system}:4"
    assert site.origins["program.gctf.container.gpu"] == f"{place.user}:5"


def test_a_conda_environment_and_an_image_from_two_files_contradict_each_other(place):
    place.write(place.system, "program.a.container.image = '/i.sif'\n")
    place.write(place.user, "program.a.conda_env = 'x'\n")
    (fault,) = place.faults()
    assert fault.where == f"{place.user}:1 and {place.system}:1"
    assert "(`x`) and a container image (`/i.sif`)" in fault.what
    place.write(place.user, "program.a.conda_env = 'x'\nprogram.a.container.image = ''\n")
    assert place.load().config.program["a"].container.image == ""


def test_disabled_plugins_are_those_of_the_last_file_that_names_them(place):
    place.write(place.system, 'plugins.disable = ["a"]\n')
    place.write(place.user, "[plugins]\n")
    assert place.load().config.plugins.disable == ("a",)
    place.write(place.user, "[plugins]\ndisable = []\n")
    site = place.load()
    assert site.config.plugins.disable == ()
    assert site.origins["plugins.disable"] == f"{place.user}:2"


def test_adapters_are_relative_to_what_names_them(place):
    place.write(place.user, 'adapters = ["mine", "/opt/a.toml"]\n')
    assert place.load().config.adapters == (str(place.user.parent / "mine"), "/opt/a.toml")
    paths = os.pathsep.join(["a.toml", "/x", ""])
    site = place.load(GPUCORE_ADAPTERS=paths)
    assert site.config.adapters == (str(place.project / "a.toml"), "/x")


def test_every_variable_sets_its_key(place):
    config = place.load(
        GPUCORE_THREADS=" 4 ",
        GPUCORE_DEVICES="simulated:8",
        GPUCORE_POLICY="pool",
        GPUCORE_ENGINE="slurm",
        GPUCORE_SHARING="never",
        GPUCORE_FOREIGN=" wait ",
        GPUCORE_ISOLATE="Yes",
        GPUCORE_GPUS="",
    ).config
    assert config == SiteConfig(
        gpus="",
        threads=4,
        devices="simulated:8",
        policy="pool",
        engine="slurm",
        sharing="never",
        foreign="wait",
        isolate=True,
    )
    assert place.load(GPUCORE_THREADS="", GPUCORE_ISOLATE="off").config == SiteConfig()


def test_what_gpucore_sets_for_its_children_is_no_fault(place):
    assert place.load(GPUCORE_STEP="mc/1", GPUCORE_RUN="r").config == SiteConfig()


@pytest.mark.parametrize(
    ("variable", "text", "what", "hint"),
    [
        ("GPUCORE_GPU", "0", "unknown variable `GPUCORE_GPU`", "did you mean `GPUCORE_GPUS`?"),
        ("GPUCORE_GPUS", "3-0", "`3-0` at character 1", "write `0-3`"),
        ("GPUCORE_THREADS", "three", "'three' is no number of threads", "1 or more"),
        ("GPUCORE_THREADS", "0", "'0' is no number of threads", "1 or more"),
        ("GPUCORE_THREADS", "9" * 5000, "is no number of threads", "1 or more"),
        ("GPUCORE_SHARING", "nevr", "'nevr' is no way of sharing", "`never`"),
        ("GPUCORE_FOREIGN", "ignroe", "is nothing to do about programs of others", "`ignore`"),
        ("GPUCORE_ISOLATE", "perhaps", "neither true nor false", "write true or false"),
    ],
)
def test_a_wrong_variable_is_named(place, variable, text, what, hint):
    (fault,) = place.faults(**{variable: text})
    assert isinstance(fault, ConfigError)
    assert fault.where == f"environment {variable}"
    assert what in fault.what
    assert hint in fault.hint


@pytest.mark.parametrize(
    ("text", "where", "what", "hint"),
    [
        ('gpu = "0"', ":1: gpu", "unknown key `gpu`", "did you mean `gpus`?"),
        ('\ngpus = "0;1"', ":2: gpus", "`0;1` at character 1", "write `0 1`"),
        ("threads = 0", ":1: threads", "0 threads are none", "1 or more"),
        ('threads = "3"', ":1: threads", '`threads` = "3" is a text', "without quotes: 3"),
        ('sharing = "nver"', ":1: sharing", '`sharing` cannot be "nver"', "`never`"),
        ('foreign = "wat"', ":1: foreign", '`foreign` cannot be "wat"', "`wait`"),
        ('memory_reserve = "1G"', ":1: memory_reserve", "'1G' is no amount", 'write "1 GiB"'),
        ("isolate = 1", ":1: isolate", "`isolate` = 1 is a whole number", "true or false"),
        ('adapters = "x"', ":1: adapters", "a text, not a list of texts", '["x"]'),
        ("[program.gctf]\nexe = 1", ":2: program.gctf.exe", "unknown key `exe`", "executable"),
        ("[program]\ngctf = 'x'", ":2: program.gctf", "a text, not a table", "gctf = {"),
        ("[program.a.env]\nX = 1", ":2: program.a.env.X", "`X` = 1 is a whole number", '"1"'),
        (
            "program.a.module_load = ['x', 'y z']",
            ":1: program.a.module_load[1]",
            "'y z' is no name of a module",
            "module avail",
        ),
        ("program.a.module_load = ['-f']", ":1: program.a.module_load[0]", "'-f'", "module avail"),
        ("program.a.module_load = 'x'", ":1: program.a.module_load", "a text", '["x"]'),
        ("program.a.prepend_path = ['b']", ":1: program.a.prepend_path[0]", "'b'", "absolute"),
        ("program.a.prepend_path = ['/b:/c']", ":1: program.a.prepend_path[0]", "/b:/c", "each"),
        (
            "program.a.prepend_path = { 'A B' = ['/c'] }",
            ':1: program.a.prepend_path."A B"',
            "'A B' is no name of a variable",
            "LD_LIBRARY_PATH",
        ),
        ("program.a.conda_env = './e'", ":1: program.a.conda_env", "'./e'", "conda env list"),
        (
            "program.a = { conda_env = 'e', container = { image = '/i' } }",
            ":1: program.a.conda_env",
            "both given",
            "keep one",
        ),
        (
            "program.a.container.image = 'mc.sif'",
            ":1: program.a.container.image",
            "'mc.sif' is neither",
            '"docker://mc.sif"',
        ),
        (
            "program.a.container = { engine = 'docker', image = '-v' }",
            ":1: program.a.container.image",
            "'-v' is no image",
            "a name",
        ),
        (
            "program.a.container.engine = 'dockr'",
            ":1: program.a.container.engine",
            '`engine` cannot be "dockr"',
            "did you mean `docker`?",
        ),
        (
            "program.a.container.images = 'x'",
            ":1: program.a.container.images",
            "unknown key",
            "`image`",
        ),
        ("[plugins]\ndisabled = []", ":2: plugins.disabled", "unknown key", "`disable`"),
    ],
)
def test_a_wrong_setting_is_told_with_line_key_and_remedy(place, text, where, what, hint):
    place.write(place.user, text)
    (fault,) = place.faults()
    assert fault.where == f"{place.user}{where}"
    assert what in fault.what
    assert hint in fault.hint


def test_faults_of_all_layers_are_told_together(place, tmp_path):
    place.write(place.system, "thread = 3\ngpus = 1\n")
    place.write(place.user, "a = \n")
    faults = place.faults(tmp_path / "none.toml", GPUCORE_GPUS="x")
    assert [fault.where for fault in faults] == [
        f"{place.system}:1: thread",
        f"{place.system}:2: gpus",
        f"{place.user}:1:5",
        str(tmp_path / "none.toml"),
        "environment GPUCORE_GPUS",
    ]


def test_a_file_that_everyone_may_write_is_refused_in_every_layer(place):
    project = place.write(place.project / "gpucore.toml", "")
    project.chmod(0o646)
    (fault,) = place.faults()
    assert fault.hint == f"chmod o-w {project}"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_file_that_another_user_left_in_an_open_folder_is_refused(place):
    project = place.write(place.project / "gpucore.toml", "")
    os.chown(project, 1234, 1234)
    assert place.load().files == (project,)
    place.project.chmod(0o1777)
    (fault,) = place.faults()
    assert "another user" in fault.what
    assert f"--config {project}" in fault.hint
    assert place.load(project).files == (project,)


def test_flags_change_what_they_name_and_nothing_else():
    config = SiteConfig(gpus="0", threads=2)
    assert config.with_changes() == config
    assert config.with_changes(gpus="", isolate=True, sharing="never") == SiteConfig(
        gpus="", threads=2, isolate=True, sharing="never"
    )
    with pytest.raises(Faults) as raised:
        config.with_changes(gpus="3-0", threads=0, sharing="nevr")
    assert [fault.hint for fault in raised.value.errors] == [
        "1 or more",
        "did you mean `never`?",
        "write `0-3`",
    ]
