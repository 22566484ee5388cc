"""What the generator renders for a contract, whether its messages are in ``definitions`` or written by hand."""

from collections.abc import Mapping
from pathlib import Path

import libcst as cst

from onex.codegen.regenerate.folder import NodeFolder
from onex.codegen.regenerate.skeleton import skeleton, types_of
from onex.codegen.regenerate.syntax import parsed
from onex.codegen.render.cases import case_files
from onex.codegen.render.package import package_files
from onex.codegen.write.manifest import read_manifest
from onex.contract.load import parse_contract
from onex.errors import CompositionError, ContractError, ContractProblem
from onex.model.contract import ModelContract

FILE_NAME = "contract.yaml"


def rendered_for(text: str, folder: NodeFolder) -> Mapping[str, str]:
    """Return the files that a contract is rendered to, by path below the services folder. Raise ContractError.

    With ``definitions`` these are the whole package and its golden cases. Without them messages are classes of the
    author, and the result is the contract and ``node.py``: see :mod:`onex.codegen.regenerate.skeleton`.
    """
    contract = parse_contract(text, str(folder.path / FILE_NAME))
    if contract.definitions is not None and not contract.config:
        return {**package_files(text), **case_files(text)}
    root = root_of(contract)
    try:
        node = skeleton(contract, types_of(_node(folder), contract.node_type))
    except CompositionError as error:
        at = ContractProblem(folder.path / FILE_NAME, 1, "mixins", str(error), "fix the list of mixins")
        raise ContractError([at]) from None
    return {f"{root}/{FILE_NAME}": text if text.endswith("\n") else f"{text}\n", f"{root}/node.py": node}


def root_of(contract: ModelContract) -> str:
    """Return ``node_x_effect/v1_0_0``."""
    return f"{contract.name}/{contract.contract_version.folder}"


def earlier_rendering(folder: NodeFolder) -> Mapping[str, str] | None:
    """Return what was rendered for the folder before, by path below it.

    That is what the manifest has; without one, what the contract in the folder is rendered to. Return None when it
    cannot be rendered: then nothing in the folder is known to be generated.
    """
    if known := read_manifest(folder.path).rendered:
        return known
    text = folder.texts.get(FILE_NAME)
    if text is None:
        return None
    try:
        files = rendered_for(text, folder)
    except ContractError:
        return None
    root = next(path for path in files if path.endswith(f"/{FILE_NAME}")).removesuffix(FILE_NAME)
    return {path.removeprefix(root): content for path, content in files.items() if path.startswith(root)}


def _node(folder: NodeFolder) -> cst.Module | None:
    text = folder.texts.get("node.py")
    return parsed(text, Path(folder.path / "node.py")).module if text is not None else None
