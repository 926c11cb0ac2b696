# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Build script of franka_rl_core (colcon build type ament_python)."""

from setuptools import find_packages, setup

package_name = 'franka_rl_core'

setup(
    name=package_name,
    version='0.1.0',
    description='Robots, simulators, tasks, safety and policies of franka_rl, without ROS.',
    author='franka_rl maintainers',
    author_email='maintainers@franka-rl.dev',
    maintainer='franka_rl maintainers',
    maintainer_email='maintainers@franka-rl.dev',
    license='Apache-2.0',
    python_requires='>=3.10',
    packages=find_packages(exclude=['test', 'test.*']),
    package_data={package_name: ['py.typed']},
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/' + package_name]),
        ('share/' + package_name, ['package.xml']),
    ],
    # What it needs at run time is in package.xml (rosdep) and requirements/ (pip).
    install_requires=['setuptools'],
    zip_safe=False,
    entry_points={
        'console_scripts': ['franka-rl = franka_rl_core.cli.main:main'],
        'franka_rl.commands': [
            'evaluate = franka_rl_core.cli.evaluate:command',
            'random = franka_rl_core.cli.random:command',
            'show-ik = franka_rl_core.cli.show_ik:command',
            'doctor = franka_rl_core.cli.doctor:command',
            'bench = franka_rl_core.cli.bench:command',
        ],
        'franka_rl.benchmarks': [
            'environments_mock = franka_rl_core.bench.environments:measure_mock',
            'environments_pybullet = franka_rl_core.bench.environments:measure_pybullet',
            'environments_ikpy = franka_rl_core.bench.environments:measure_ikpy',
            'environments_kinematic = franka_rl_core.bench.environments:measure_kinematic',
            'environments_workers = franka_rl_core.bench.workers:measure',
            'guard = franka_rl_core.bench.guard:measure',
            'inference = franka_rl_core.bench.inference:measure',
            'memory = franka_rl_core.bench.memory:measure',
        ],
    },
)
