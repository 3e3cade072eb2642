"""Ask PyPI's advisories about the installed packages. Exit code 0: all clean, 1: a known weakness, 2: not audited."""

import json
import subprocess
import sys

OURS = "django-stockhub-webhooks"
COMMAND = ("-m", "pip_audit", "--local", "--skip-editable", "--format", "json", "--progress-spinner", "off")
NOT_REACHED = "The audit did not take place: the service of the advisories (pypi.org) can't be reached."


def main():
    """Run pip-audit in this Python and report; return the exit code."""
    done = subprocess.run([sys.executable, *COMMAND], capture_output=True, text=True, check=False)
    code, lines = judge(done.stdout, done.stderr)
    print(*lines, sep="\n")
    return code


def judge(output, errors):
    """Return the exit code and the lines of a report for what pip-audit wrote."""
    try:
        packages = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return 2, [NOT_REACHED, *errors.strip().splitlines()[-1:]]
    packages = [package for package in packages if package["name"] != OURS]
    # pip-audit itself calls it clean if a mirror of PyPI answers that it knows nothing of a package
    unknown = sorted(package["name"] for package in packages if "skip_reason" in package)
    weak = [
        f"{package['name']} {package['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'none'}"
        for package in packages
        for found in package.get("vulns", ())
    ]
    if len(unknown) == len(packages):
        return 2, [NOT_REACHED]
    lines = [*weak, f"{len(packages) - len(unknown)} packages audited, {len(weak)} known weaknesses."]
    if unknown:
        lines.append(f"Not audited, since the service knows nothing of them: {', '.join(unknown)}.")
    return (1 if weak else 2 if unknown else 0), lines


if __name__ == "__main__":
    sys.exit(main())
