# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The borders between the packages: imports point one way, and heavy ones live in few files."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE, LEARNING, NODES = 'franka_rl_core', 'franka_rl_learning', 'franka_rl_nodes'
OURS = {CORE, LEARNING, NODES, 'franka_rl_interfaces'}
# The only files of the core that may import it.
FEW_FILES = {
    'pybullet': {'backends/pybullet.py'},
    'pybullet_data': {'backends/pybullet.py'},
    'ikpy': {'ikpy_chain.py'},
    'panda_gym': {'bench/peers.py'},
    'matplotlib': {
        'bench/report.py',
        'pictures/canvas.py',
        'pictures/solutions.py',
        'pictures/stage.py',
        'pictures/strokes.py',
    },
    'PIL': {'pictures/files.py'},
    'cv2': {'perception.py'},
    'onnxruntime': {'policies/bundle.py'},
    'onnx': {'policies/proportional.py'},
    'imageio': {'pictures/files.py'},
    'torch': {'torch_arrays.py', 'torch_namespace.py'},
    'psutil': {'torch_arrays.py'},
    'pinocchio': {'fci/dynamics.py', 'guard/collision.py'},
    'coal': {'guard/collision.py'},
    'ruckig': {'guard/motion.py'},
    'stable_baselines3': set(),
    'skrl': set(),
}
# Lightweight enough to be imported by anybody who imports the environments.
LIGHT = {'numpy', 'gymnasium', 'yaml', 'typer', 'array_api_compat'}


def imports(path):
    """Return the top-level packages that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split('.')[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path}: relative import'
            found.add(node.module.split('.')[0])
    return found


def files(package):
    """Return the files of a package with what each imports."""
    folder = ROOT / 'src' / package / package
    found = {path.relative_to(folder).as_posix(): imports(path) for path in folder.rglob('*.py')}
    assert '__init__.py' in found, f'no files of {package} found'
    return found


def is_ros(name):
    return (
        name.endswith(('_msgs', '_interfaces', '_srvs'))
        or name.startswith(('rcl', 'launch', 'ament', 'ros', 'tf2'))
        or name in ('diagnostic_updater', 'cv_bridge')
    )


@pytest.mark.parametrize('package, may_import', [(CORE, {CORE}), (LEARNING, {CORE, LEARNING})])
def test_packages_without_ros(package, may_import):
    for name, imported in files(package).items():
        assert not {other for other in imported if is_ros(other)}, name
        assert imported & OURS <= may_import, name


def test_nodes_import_learning_only_in_the_trainer_and_the_benchmarks():
    importers = {name for name, imported in files(NODES).items() if LEARNING in imported}
    assert importers <= {'trainer_node.py', 'bench/deployment.py'}


def test_nodes_are_the_package_that_imports_ros():
    assert any('rclpy' in imported for imported in files(NODES).values())


@pytest.mark.parametrize('package', FEW_FILES)
def test_heavy_packages_live_in_few_files_of_the_core(package):
    importers = {name for name, imported in files(CORE).items() if package in imported}
    assert importers <= FEW_FILES[package]


def test_core_imports_nothing_else():
    allowed = LIGHT | set(FEW_FILES) | {CORE} | sys.stdlib_module_names
    for name, imported in files(CORE).items():
        assert imported <= allowed, name


def test_environments_need_only_light_packages():
    code = (
        'import sys, franka_rl_core.envs.vector, franka_rl_core.control_loop; print(*sys.modules)'
    )
    output = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=True
    )
    assert not set(output.stdout.split()) & ({'rclpy'} | set(FEW_FILES))
