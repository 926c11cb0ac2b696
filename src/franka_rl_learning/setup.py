# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Build script of franka_rl_learning (colcon build type ament_python)."""

from setuptools import find_packages, setup

package_name = 'franka_rl_learning'

setup(
    name=package_name,
    version='0.1.0',
    description='Training algorithms of franka_rl, without ROS.',
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
        'franka_rl.commands': [
            'train = franka_rl_learning.cli:command',
            'plot = franka_rl_learning.plot_cli:command',
        ],
        'franka_rl.benchmarks': [
            'touch = franka_rl_learning.bench_touch:measure',
            'training = franka_rl_learning.bench:measure_training',
            'watch_overhead = franka_rl_learning.bench_watch:measure',
            'zero_shot = franka_rl_learning.bench:measure_zero_shot',
        ],
    },
)
