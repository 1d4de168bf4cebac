"""What commands on a deployment begin with."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from authsvc.wiring.services import Services


def open_services() -> "Services":
    """Return every part, as the environment's settings say. Imported here, so that `--help` stays quick.

    Raises:
        SettingsProblem: the settings, or a file that they name, can't be used.
    """
    from authsvc.app import build_services
    from authsvc.settings import load_settings

    return build_services(load_settings())
