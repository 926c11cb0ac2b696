# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Build script of franka_rl_nodes (colcon build type ament_python)."""

from setuptools import find_packages, setup

package_name = 'franka_rl_nodes'

setup(
    name=package_name,
    version='0.1.0',
    description='ROS 2 nodes of franka_rl.',
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
        'console_scripts': [
            'simulator_node = franka_rl_nodes.simulator_node:main',
            'env_node = franka_rl_nodes.env_node:main',
            'trainer_node = franka_rl_nodes.trainer_node:main',
            'policy_node = franka_rl_nodes.policy_node:main',
            'guard_node = franka_rl_nodes.guard_node:main',
            'evaluator_node = franka_rl_nodes.evaluator_node:main',
            'gripper_node = franka_rl_nodes.gripper_node:main',
            'recorder_node = franka_rl_nodes.recorder_node:main',
        ],
        'franka_rl.commands': [
            'up = franka_rl_nodes.cli:command',
            'home = franka_rl_nodes.home:command',
            'prove = franka_rl_nodes.prove.cli:command',
        ],
        'franka_rl.benchmarks': [
            'ros = franka_rl_nodes.bench.lockstep:measure',
            'ros_deploy_latency = franka_rl_nodes.bench.deployment:measure_latency',
            'fci = franka_rl_nodes.bench.deployment:measure_fci',
            'zero_shot_deploy = franka_rl_nodes.bench.deployment:measure_zero_shot',
        ],
    },
)
