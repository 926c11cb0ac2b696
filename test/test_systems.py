# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The systems, as a user starts them: real processes over real DDS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('psutil')

import psutil
from conftest import wait_until

from franka_rl_core.cli.main import run
from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.policies.bundle import PolicyBundle
from franka_rl_core.policies.proportional import write_proportional_bundle
from franka_rl_nodes import processes as process_manager
from franka_rl_nodes.ros_vector_env import RosVectorEnv
from franka_rl_nodes.systems import SYSTEMS

pytestmark = pytest.mark.real_time

# Small enough to end in seconds; it learns nothing.
TINY = ('backend:=mock', 'num_envs:=4', 'workers:=1', 'steps:=1024', 'evaluation_episodes:=8')


def _children(process: subprocess.Popen[str]) -> list[Any]:
    return psutil.Process(process.pid).children(recursive=True)


def _node(process: subprocess.Popen[str], name: str) -> Any:
    (child,) = (c for c in _children(process) if f'franka_rl_nodes.{name}_node' in c.cmdline())
    return child


def _all_end(process: subprocess.Popen[str], children: list[Any]) -> float:
    start = time.monotonic()
    process.wait(20)
    assert psutil.wait_procs(children, timeout=20)[1] == []
    return time.monotonic() - start


def _learning(processes: Any, out: Path) -> subprocess.Popen[str]:
    """Start a training that would take long, and wait until it learns."""
    system = processes.cli('up', 'train_sim', *TINY[:3], 'steps:=1000000', f'out:={out}')
    processes.wait_for(system, 'steps, ', timeout=60.0)
    assert wait_until(lambda: len(_children(system)) >= 6)
    return system


@pytest.mark.parametrize('algo', ['ppo', 'sac'])
def test_train_sim_ends_with_bundle_and_success_rate(
    processes: Any, tmp_path: Path, algo: str
) -> None:
    numbers = tmp_path / 'numbers.json'
    system = processes.cli(
        'up', 'train_sim', *TINY, f'algo:={algo}', f'out:={tmp_path / "run"}', '--json', numbers
    )
    assert wait_until(lambda: len(_children(system)) >= 6, 30.0)
    children = _children(system)
    assert system.wait(90) == 0, processes.output(system)[1]
    assert psutil.wait_procs(children, timeout=5)[1] == []
    bundle, rate = processes.output(system)[0].splitlines()
    assert bundle == f'bundle: {tmp_path / "run" / "policy"}'
    assert rate.startswith('success_rate: ')
    policy = PolicyBundle(tmp_path / 'run' / 'policy')
    assert policy.metadata.config.backend == 'mock'
    content = json.loads(numbers.read_text())
    assert content['episodes'] == 8
    assert rate.startswith(f'success_rate: {content["success_rate"]:.2f} [')


def test_train_ikpy_is_the_same_graph_on_ikpy(processes: Any, tmp_path: Path) -> None:
    few = ('num_envs:=2', 'steps:=1100', 'evaluation_episodes:=2', 'config:={batch_size: 32}')
    out = f'out:={tmp_path / "run"}'
    system = processes.cli('up', 'train_ikpy', 'task:=touch_point', *few, out)
    assert system.wait(120) == 0, processes.output(system)[1]
    assert processes.output(system)[0].splitlines()[-1].startswith('success_rate: ')
    config = PolicyBundle(tmp_path / 'run' / 'policy').metadata.config
    assert (config.task, config.control) == ('touch_point', 'joints')
    assert (tmp_path / 'run' / 'scores_trend.png').stat().st_size > 10_000


def test_ctrl_c_ends_everything_and_resume_goes_on(processes: Any, tmp_path: Path) -> None:
    system = _learning(processes, tmp_path / 'run')
    children = _children(system)
    system.send_signal(signal.SIGINT)
    assert _all_end(system, children) < 5.0
    assert system.returncode == 130
    assert list((tmp_path / 'run' / 'checkpoints').iterdir())
    output = processes.output(system)[1]
    steps = int(output.split('stopped after ')[1].split()[0])
    more = ('steps:=' + str(steps + 2000), 'resume:=true', 'evaluation_episodes:=4')
    resumed = processes.cli('up', 'train_sim', *TINY[:3], *more, f'out:={tmp_path / "run"}')
    assert resumed.wait(90) == 0, processes.output(resumed)[1]
    sessions = (tmp_path / 'run' / 'run.yaml').read_text().count('started:')
    assert sessions == 2


def test_a_killed_simulator_ends_the_system_and_leaves_a_checkpoint(
    processes: Any, tmp_path: Path
) -> None:
    system = _learning(processes, tmp_path / 'run')
    children = _children(system)
    _node(system, 'simulator').kill()
    assert _all_end(system, children) < 5.0
    assert system.returncode == 1
    assert list((tmp_path / 'run' / 'checkpoints').iterdir())
    assert f'go on with resume:=true out:={tmp_path / "run"}' in processes.output(system)[1]


def test_a_trainer_that_loses_its_simulator_ends_by_itself(processes: Any, tmp_path: Path) -> None:
    simulator = processes.node('simulator', backend='mock', num_worlds=4)
    processes.node('env', num_envs=4)
    trainer = processes.node('trainer', autostart=True, steps=1_000_000, out=tmp_path / 'run')
    processes.wait_for(trainer, 'steps, ', timeout=60.0)
    simulator.kill()
    assert trainer.wait(10) == 1
    assert 'simulator/step_worlds did not answer' in processes.output(trainer)[1]
    assert list((tmp_path / 'run' / 'checkpoints').iterdir())


def test_a_trainer_whose_simulator_is_lost_before_the_first_step(
    processes: Any, context: Any, tmp_path: Path
) -> None:
    simulator = processes.node('simulator', backend='mock', num_worlds=4)
    processes.node('env', num_envs=4)
    RosVectorEnv(context=context).close()  # waits until it is there
    simulator.kill()
    trainer = processes.node('trainer', autostart=True, steps=1_000_000, out=tmp_path / 'run')
    processes.wait_for(trainer, 'training ppo for ', timeout=60.0)
    assert trainer.wait(20) == 1  # it imports what learns first, which takes some seconds
    assert 'simulator/reset_worlds did not answer' in processes.output(trainer)[1]


def test_a_second_system_says_so(processes: Any, tmp_path: Path) -> None:
    first = _learning(processes, tmp_path / 'run')
    second = processes.cli('up', 'train_sim', *TINY, f'out:={tmp_path / "other"}')
    assert second.wait(20) == 2
    assert '/simulator is running already' in processes.output(second)[1]
    assert first.poll() is None
    assert not (tmp_path / 'other').exists()


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['train_sin'], "unknown system 'train_sin'; known: deploy_real, deploy_sim, train_ikpy, "),
        (['train_sim', 'stepz:=1'], "unknown argument 'stepz'; known: algo, "),
        (['train_sim', 'steps'], "'steps' must have the form name=value"),
        (['train_sim', 'robot:=ur5'], "unknown robot 'ur5'; known: fr3, panda"),
        (
            ['train_sim', 'backend:=gazebo'],
            "unknown backend 'gazebo'; known: ikpy, kinematic, mock, pybullet",
        ),
        (['train_sim', 'task:=fly'], "unknown task 'fly'; known: reach"),
        (['train_sim', 'control:=feet'], "unknown action 'feet'; known: ee, joints"),
        (
            ['train_sim', 'reward:=gold'],
            "unknown reward of task reach 'gold'; known: dense, sparse",
        ),
        (['train_sim', 'algo:=pop'], "unknown algorithm 'pop'; known: apg, ddpg, ppo, sac, td3"),
        (['train_sim', 'config:={gama: 1}'], "unknown PpoConfig key 'gama'; known: "),
        (['train_sim', 'num_envs:=0'], 'num_worlds = 0 is out of bounds'),
        (['train_sim', 'steps:=many'], 'steps must be an integer'),
        (['train_sim', 'resume:=true', 'out:=nothing'], 'nothing holds no run to resume'),
        (['train_sim', 'config:={a'], "algorithm_options = '{a' is no YAML"),
        (['train_sim', 'seed:=-1'], 'seed = -1 is out of bounds'),
        (['train_sim', 'control_period:=0.033'], 'is not a multiple of the time step'),
        (['deploy_sim', 'rate:=30'], 'is not a multiple of the time step'),
        (['train_sim', 'result:=a.json', '--json', 'b.json'], 'two names of one file'),
        (['deploy_sim'], 'must name the folder of a policy bundle'),
        (['deploy_sim', 'policy:=nowhere'], 'nowhere is no policy bundle'),
        (['deploy_real', 'driver:=fci'], 'must name the folder of a policy bundle'),
        (['deploy_real', 'driver:=fci', 'policy:=nowhere'], 'nowhere is no policy bundle'),
        (['deploy_real', 'policy:=nowhere'], 'driver franka_ros2 is for the fr3, not for the pan'),
        (['train_real', 'driver:=fci', 'algo:=apg'], 'apg cannot learn over ROS 2'),
        (['train_real', 'driver:=fci', 'arm:=yes'], 'arm must be auto, true, false'),
        (['train_real', 'driver:=fci', 'goal:=2,0,0'], 'outside of the workspace of panda: x 0.1'),
        (['train_real', 'driver:=fci', 'goal:=there'], "goal must be 'random', 'topic' or x,y,z"),
        (
            ['deploy_real', 'driver:=moveit'],
            "unknown driver 'moveit'; known: fci, franka_ros2, multipanda, none",
        ),
        (
            ['deploy_real', 'driver:=fci', 'controller:=joint_velocity'],
            "unknown controller 'joint_velocity'; known: joint_follower, joint_trajectory",
        ),
        (['train_sim', 'backend:=kinematic', 'device:=foo'], "unknown device 'foo'; known: cpu"),
        (['train_sim', 'backend:=kinematic', 'num_envs:=9999999999'], 'GB are free: at most'),
        (['deploy_real', 'driver:=fci', 'fci:={strickt: true}'], "unknown FciConfig key 'strickt'"),
        (
            ['deploy_real', 'driver:=fci', 'limits:={tethr: 1}'],
            "unknown GuardLimits key 'tethr'; known: ",
        ),
    ],
)
def test_bad_input_is_refused_and_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, words: list[str], message: str
) -> None:
    started: list[Any] = []
    monkeypatch.setattr(process_manager, 'run', lambda *nodes: started.append(nodes))
    assert run(['up', *words]) == 2
    assert message in capsys.readouterr().err
    assert started == []


@pytest.mark.parametrize('name', SYSTEMS)
def test_show_args_lists_every_argument_with_its_default(capsys: Any, name: str) -> None:
    assert run(['up', name, '--show-args']) == 0
    output = capsys.readouterr().out
    for argument in SYSTEMS[name].arguments:
        assert f'{argument.name}:=' in output
        assert f'{argument.text} (default: {argument.default or "none"})' in output


def test_train_shows_units_and_defaults(capsys: Any) -> None:
    assert run(['train', '--help']) == 0
    output = ' '.join(capsys.readouterr().out.split())
    for text in ('[default: ppo]', '[default: panda]', 'fr3, panda', '[1 to any]'):
        assert text in output


def test_deploy_sim_drives_the_arm_to_its_goals(
    processes: Any, bundle: Path, tmp_path: Path
) -> None:
    numbers = tmp_path / 'numbers.json'
    words = (f'policy:={bundle}', 'backend:=pybullet', 'episodes:=4', '--json', numbers)
    system = processes.cli('up', 'deploy_sim', *words)
    assert system.wait(60) == 0, processes.output(system)[1]
    assert processes.output(system)[0].startswith('success_rate: 1.00 [')
    content = json.loads(numbers.read_text())
    assert content['episodes'] == 4 and content['bundle'] == str(bundle)
    assert content['final_distance_m']['p95'] < 0.05
    assert content['guard']['passed'] + content['guard']['clipped'] > 10


@pytest.mark.parametrize(
    ('robot', 'controller'), [('panda', 'joint_follower'), ('fr3', 'joint_trajectory')]
)
def test_deploy_real_drives_the_arm_that_refuses(
    processes: Any, tmp_path: Path, robot: str, controller: str
) -> None:
    pytest.importorskip('onnx')
    bundle, numbers = tmp_path / 'policy', tmp_path / 'numbers.json'
    write_proportional_bundle(bundle, EnvConfig(robot=robot, backend='mock'))
    words = (f'policy:={bundle}', f'robot:={robot}', f'controller:={controller}', 'episodes:=3')
    system = processes.cli('up', 'deploy_real', 'driver:=fci', *words, '--json', numbers)
    assert system.wait(90) == 0, processes.output(system)[1]
    assert processes.output(system)[0].startswith('success_rate: 1.00 [')
    content = json.loads(numbers.read_text())
    assert (content['episodes'], content['reflexes'], content['errors']) == (3, 0, [])
    assert content['guard']['passed'] + content['guard']['clipped'] > 10
    assert content['command_latency_ms']['p99'] is not None


def test_deploy_sim_refuses_a_policy_for_another_robot(processes: Any, bundle: Path) -> None:
    system = processes.cli('up', 'deploy_sim', f'policy:={bundle}', 'robot:=fr3')
    assert system.wait(30) == 2
    error = processes.output(system)[1]
    assert "'panda'" in error and "'fr3'" in error
    assert 'started (pid' not in error


def test_deploy_sim_refuses_a_changed_policy(processes: Any, bundle: Path) -> None:
    (bundle / 'policy.onnx').write_bytes((bundle / 'policy.onnx').read_bytes()[:-1] + b'!')
    system = processes.cli('up', 'deploy_sim', f'policy:={bundle}')
    assert system.wait(30) == 2
    assert 'sha256' in processes.output(system)[1]


def test_a_killed_policy_leaves_the_arm_held(
    processes: Any, context: Any, bundle: Path, domain: int
) -> None:
    """The guard and the simulator live on when the policy dies in the middle of an episode."""
    from rclpy.action import ActionClient
    from rclpy.node import Node
    from sensor_msgs.msg import JointState
    from std_srvs.srv import SetBool

    from franka_rl_core.robot_model import load_robot
    from franka_rl_interfaces.action import RunEpisode
    from franka_rl_interfaces.msg import GuardStatus
    from franka_rl_nodes import qos
    from franka_rl_nodes.conversions import joint_state_from_msg, to_field
    from franka_rl_nodes.runtime import BackgroundNode, first_call

    processes.node('simulator', mode='streaming', backend='pybullet')
    processes.node('guard', policy=bundle)
    policy = processes.node('policy', policy=bundle)
    ros = BackgroundNode(Node('test', context=context))
    states: list[Any] = []
    statuses: list[GuardStatus] = []
    model = load_robot('panda')
    ros.node.create_subscription(
        JointState,
        'franka/joint_states',
        lambda m: states.append(joint_state_from_msg(m, model)),
        qos.SENSOR,
    )
    ros.node.create_subscription(GuardStatus, 'guard/status', statuses.append, qos.LATCHED)
    arm = ros.client(SetBool, 'guard/arm')
    # Discovery takes each topic and service in its own time.
    assert wait_until(lambda: bool(states and statuses), 20.0)
    assert wait_until(
        lambda: first_call(arm, SetBool.Request(data=True), 20.0).success, timeout=20.0
    )
    run = ActionClient(ros.node, RunEpisode, 'policy/run_episode')
    assert run.wait_for_server(timeout_sec=20.0)
    goal = RunEpisode.Goal(goal=to_field([0.45, -0.15, 0.0], 'float64'), time_limit=10.0)
    handle = ros.answer(run.send_goal_async, goal, timeout_s=10.0, what='the policy')
    assert handle.accepted
    assert wait_until(lambda: abs(states[-1].joint_velocity).max() > 0.05)
    os.kill(policy.pid, signal.SIGKILL)
    killed = len(statuses)
    said = lambda: [status.reason for status in statuses[killed:]]  # noqa: E731
    assert wait_until(lambda: 'stale_target' in said(), 2.0)
    assert statuses[-1].state == GuardStatus.ARMED

    def speed() -> float:
        """Over a tenth of a second: PyBullet's motors tremble where gravity pulls."""
        first, last = states[-11], states[-1]
        seconds = 1e-9 * (last.stamp_ns[0] - first.stamp_ns[0])
        return float(abs(last.joint_position - first.joint_position).max() / seconds)

    assert wait_until(lambda: speed() < 1e-3, 2.0)
    rest = states[-1].joint_position
    count = len(states)
    assert wait_until(lambda: len(states) > count + 50)
    assert abs(states[-1].joint_position - rest).max() < 1e-3
    ros.close()


def test_train_real_learns_behind_the_guard(processes: Any, tmp_path: Path) -> None:
    """In real time, from an arm that goes home between episodes; it is too short to learn much."""
    pytest.importorskip('stable_baselines3')
    numbers = tmp_path / 'numbers.json'
    words = ('steps:=120', 'evaluation_episodes:=1', 'goal:=0.6,0.0,0.2', f'out:={tmp_path}/run')
    system = processes.cli('up', 'train_real', 'driver:=fci', *words, '--json', numbers)
    assert system.wait(110) == 0, processes.output(system)[1]
    content = json.loads(numbers.read_text())
    assert content['steps'] >= 120 and content['seconds'] > 120 * 0.04  # real time
    assert (Path(content['bundle']) / 'policy.onnx').is_file()
