# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The acceptance report as one HTML page that needs nothing else: no scripts, fonts or images."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

from franka_rl_nodes.prove import plots

_CSS = """
:root { --ink: #22303c; --soft: #5d6b78; --line: #dfe5ea; --good: #1b7f4b; --bad: #b3261e; }
* { box-sizing: border-box; }
body { margin: 0; background: #f4f6f8; color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 1.12rem; margin: 0 0 2px; }
p { margin: 0 0 10px; }
.soft, figcaption, .note { color: var(--soft); font-size: .9rem; }
section, figure { background: #fff; border: 1px solid var(--line); border-radius: 12px;
  padding: 18px 20px; margin: 16px 0; }
.verdict { border-left: 8px solid var(--good); }
.verdict.not { border-left-color: var(--bad); }
.stamp { font-weight: 700; letter-spacing: .04em; color: var(--good); }
.not .stamp, .failed { color: var(--bad); }
.ok { color: var(--good); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .93rem;
  font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 7px 10px; border-bottom: 1px solid var(--line);
  vertical-align: top; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 2px solid var(--line); }
tbody th { font-weight: 500; color: var(--soft); text-align: left; white-space: normal; }
tr:last-child > * { border-bottom: 0; }
.dot { display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .4em; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 16px; }
.pair figure { margin: 0; }
figure svg { display: block; width: 100%; height: auto; margin: 8px 0 4px; }
.wide svg { min-width: 600px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 8px 0 0;
  font-size: .93rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 720px) { .pair { grid-template-columns: 1fr; } dl { grid-template-columns: 1fr; }
  dt { margin-top: 6px; } section, figure { padding: 14px; } }
@media print { body { background: #fff; font-size: 11pt; } main { max-width: none; padding: 0; }
  section, figure { break-inside: avoid; } }
"""

_ROWS = (
    ('Success rate, and its 95 % interval', lambda r: _success(r)),
    ('… required', lambda r: f'{100 * r["required_success"]:.0f} %'),
    ('Reflexes', lambda r: _reflexes(r['reflexes'])),
    ('Final distance, median · p95 [cm]', lambda r: _pair(r['final_distance_m'], 'p95', 100, 1)),
    ('Time to the goal, median · p95 [s]', lambda r: _pair(r['time_to_success_s'], 'p95', 1, 2)),
    ('Targets passed', lambda r: str(r['targets']['passed'])),
    ('Targets clipped, and why', lambda r: _with_reasons(r['targets'], 'clipped')),
    ('Targets held, and why', lambda r: _with_reasons(r['targets'], 'held')),
    ('Holds because this computer was too busy', lambda r: str(r['interruptions'])),
    ('Policy’s computation, median · p99 [ms]', lambda r: _latency(r, 'policy_computation')),
    ('Observation to command, median · p99 [ms]', lambda r: _latency(r, 'observation_to_command')),
    ('Guard’s tick at 1 kHz, median · p99 [ms]', lambda r: _latency(r, 'guard_tick')),
    ('Largest share of a limit used', lambda r: _most(r['limits_used'])),
    ('Largest share of the tether used', lambda r: _tether(r['limits_used']['tether'])),
    ('Packets that arrived', lambda r: _number(r['packets_arrived'], 100, 1) + ' %'),
)

_LEGEND = (
    'A <b>reflex</b> is the arm’s own stop, by the names that Franka gives them; strictly, so that '
    'the limits of position commands hold for torque controllers too. A <b>target</b> is what the '
    'policy asks for, once in a control period; the guard <b>clips</b> one that is further than '
    'the arm may go (<i>reach</i>), and <b>holds</b> the arm where it cannot trust one. '
    '<b>Median · p95</b>: half of the values are below the first, 95 % below the second (p99: '
    '99 %). '
    '<b>Observation to command</b> is the time from the stamp of a joint state to the guard’s '
    'acceptance of the target made of it. The <b>tether</b> is the distance of a joint from where '
    'it was sent at which the guard stops the arm.'
)


def make_page(report: dict[str, Any]) -> str:
    """Write the page of a report, as :func:`report.make_report` gives it."""
    title = f'{_name(report["policy"]["bundle"])} on {report["robot"]}'
    done = any(not result['problem'] for result in report['conditions'].values())
    parts = [
        _verdict(report, title),
        _table(report),
        *(_figures(report) if done else []),
        _provenance(report),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>Acceptance report: {html.escape(title)}</title>\n<style>{_CSS}</style>\n</head>\n'
        '<body>\n<main>\n' + '\n'.join(parts) + '\n</main>\n</body>\n</html>\n'
    )


def _name(bundle: str) -> str:
    """Give a policy's name: its folder, and the one around it where the former says nothing."""
    path = Path(bundle)
    return '/'.join(path.parts[-2:]) if path.name == 'policy' else path.name


def _verdict(report: dict[str, Any], title: str) -> str:
    passed, results = report['passed'], report['conditions']
    reflexes = sum(len(result.get('reflexes', [])) for result in results.values())
    done = [result for result in results.values() if not result['problem']]
    episodes = report['episodes'] * len(done)
    said = (
        f'{_count(episodes, "episode")} under {_count(len(done), "condition")}, '
        f'{_count(reflexes, "reflex", "reflexes")}.'
    )
    problems = ''.join(
        f'<p class="failed">{html.escape(name)}: {html.escape(result["problem"])}</p>'
        for name, result in results.items()
        if result['problem']
    )
    return (
        f'<section class="verdict{"" if passed else " not"}">'
        '<p class="soft">Acceptance report</p>'
        f'<h1>{html.escape(title)}</h1>'
        f'<p><span class="stamp">{"PASSED" if passed else "NOT PASSED"}</span> · {said}</p>'
        f'{problems}'
        f'<p class="note">Criterion: {html.escape(report["criterion"])}. Proven against a '
        'simulated arm that refuses, every millisecond, what Franka’s control interface refuses; '
        f'controller {html.escape(report["controller"])}. No real arm took part.</p></section>'
    )


def _count(number: int, one: str, more: str = '') -> str:
    return f'{number} {one}' if number == 1 else f'{number} {more or one + "s"}'


def _table(report: dict[str, Any]) -> str:
    results = report['conditions']
    heads = ''.join(
        f'<th><span class="dot" style="background:{plots.color(report, name)}"></span>'
        f'{html.escape(name)}</th>'
        for name in results
    )
    rows = [
        f'<tr><th>{text}</th>'
        + ''.join(f'<td>{_cell(r, show)}</td>' for r in results.values())
        + '</tr>'
        for text, show in _ROWS
    ]
    verdicts = ''.join(f'<td>{_mark(result["passed"])}</td>' for result in results.values())
    said = ''.join(
        f'<dt>{html.escape(name)}</dt><dd>{html.escape(result["text"])}</dd>'
        for name, result in results.items()
    )
    return (
        '<section><h2>By condition</h2>'
        f'<div class="scroll"><table><thead><tr><th></th>{heads}</tr></thead><tbody>'
        f'<tr><th>Verdict</th>{verdicts}</tr>' + ''.join(rows) + '</tbody></table></div>'
        f'<dl>{said}</dl><p class="note" style="margin-top:12px">{_LEGEND}</p></section>'
    )


def _figures(report: dict[str, Any]) -> list[str]:
    tolerance = 100.0 * report['goal_tolerance_m']
    success = _figure(
        'Success',
        plots.success(report),
        'Share of the episodes that reached their goal; the black line is the 95 % interval '
        '(Wilson), the red one what is required.',
        'narrow',
    )
    latency = _figure(
        'Observation to command',
        plots.latency(report),
        'How the times were spread, in bins of 0.5 ms; the last bin holds all longer ones.',
        'narrow',
    )
    return [
        _figure(
            'Limits used by each joint',
            plots.limits(report),
            'Largest share of the arm’s limit that the motion sent to it used, in all episodes and '
            'on the ways back to their start. At 100 % (red) the arm would stop by a reflex; '
            'dashed: what the guard allows itself.',
        ),
        f'<div class="pair">{success}{latency}</div>',
        _figure(
            'Distance from the goal',
            plots.distance(report),
            f'Of the tool, one line for each episode. It is reached at less than {tolerance:g} cm '
            '(red), and ends there.',
        ),
    ]


def _figure(title: str, svg: str, caption: str, kind: str = 'wide') -> str:
    described = svg.replace('<svg', f'<svg role="img" aria-label="{title}"', 1)
    plot = f'<div class="scroll {kind}">{described}</div>'
    return f'<figure><h2>{title}</h2>{plot}<figcaption>{caption}</figcaption></figure>'


def _provenance(report: dict[str, Any]) -> str:
    policy = report['policy']
    facts = {
        'Policy': f'{policy["bundle"]}, task {policy["task"]}, control {policy["control"]}, '
        f'an action every {1e3 * policy["control_period"]:g} ms',
        'sha256': policy['sha256'],
        'Robot': f'{report["robot"]}, controller {report["controller"]}, driver {report["driver"]}',
        'Episodes': f'{report["episodes"]} per condition, seed {report["seed"]}',
        'Arm and link': '; '.join(
            f'{name}: {_settings(result["fci"])}' for name, result in report['conditions'].items()
        ),
        'Guard, of the policy': _settings(report['guard']['safety']),
        'Guard, of its own': _settings(report['guard']['limits']),
        'Versions': _settings(report['versions']),
        'Machine': report['machine'],
        'Date': report['date'],
    }
    rows = ''.join(f'<dt>{k}</dt><dd>{html.escape(str(v))}</dd>' for k, v in facts.items())
    return f'<section><h2>What was run</h2><dl>{rows}</dl></section>'


def _settings(values: dict[str, Any]) -> str:
    words = (f'{k} {v if isinstance(v, str) else json.dumps(v)}' for k, v in values.items())
    return ', '.join(words)


def _mark(passed: bool) -> str:
    return '<b class="ok">passed</b>' if passed else '<b class="failed">not passed</b>'


def _cell(result: dict[str, Any], show: Any) -> str:
    return '–' if result['problem'] else str(show(result))


def _number(value: float | None, factor: float, digits: int) -> str:
    return '–' if value is None else f'{factor * value:.{digits}f}'


def _success(result: dict[str, Any]) -> str:
    low, high = result['success_interval']
    interval = f'{100 * low:.0f} to {100 * high:.0f} %'
    return f'<b>{100 * result["success_rate"]:.0f} %</b><br><span class="soft">{interval}</span>'


def _pair(values: dict[str, Any], high: str, factor: float, digits: int) -> str:
    middle = values.get('median', values.get('p50'))
    return f'{_number(middle, factor, digits)} · {_number(values[high], factor, digits)}'


def _latency(result: dict[str, Any], what: str) -> str:
    return _pair(result['latency_ms'][what], 'p99', 1, 2 if what == 'guard_tick' else 1)


def _reflexes(names: list[str]) -> str:
    return f'<span class="failed">{len(names)}</span>: {_lines(names)}' if names else '0'


def _with_reasons(targets: dict[str, Any], kind: str) -> str:
    reasons = targets['reasons'][kind]
    said = _lines([f'{reason} {number}' for reason, number in reasons.items()])
    return f'{targets[kind]}<br><span class="soft">{said}</span>' if reasons else str(targets[kind])


def _lines(words: list[str]) -> str:
    return '<br>'.join(html.escape(word.replace('_', ' ')) for word in words)


def _tether(shares: list[float]) -> str:
    joint = shares.index(max(shares)) + 1
    return f'{100 * max(shares):.0f} %<br><span class="soft">joint {joint}</span>'


def _most(used: dict[str, Any]) -> str:
    shares = {
        (kind, index): share
        for kind in ('velocity', 'acceleration', 'jerk')
        for index, share in enumerate(used[kind], 1)
    }
    kind, joint = max(shares, key=lambda key: shares[key])
    said = f'{kind}, joint {joint}'
    return f'{100 * shares[kind, joint]:.0f} %<br><span class="soft">{said}</span>'
