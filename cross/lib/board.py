#!/usr/bin/python3
"""Reads boards/NAME/board.yaml for the scripts: prints bash variables, or one line of error.

    board.py FILE

The sections that the gateway itself reads (buses, gpio, ...) are the gateway's to check; here are
`modules`, `image` and `emulation`. docs: boards/README.md.
"""

import shlex
import sys

try:
    import yaml
except ImportError:
    sys.exit("python3-yaml is missing: run cross/packages image")


class Refused(Exception):
    pass


def text(section, key, where, default=None):
    value = section.get(key, default)
    if value is None:
        raise Refused(f"{where}{key} is missing")
    if not isinstance(value, str):
        raise Refused(f"{where}{key} must be text, not {value!r}")
    return value.strip()


def words(section, key, where):
    value = section.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Refused(f"{where}{key} must be a list of text")
    return value


def only(section, where, *keys):
    if not isinstance(section, dict):
        raise Refused(f"{where.rstrip('.')} must be a map")
    for key in section:
        if key not in keys:
            raise Refused(f"{where}{key} is not known; known are: {', '.join(keys)}")


def scalar(name, value):
    print(f"{name}={shlex.quote(value)}")


def array(name, values):
    print(f"{name}=({' '.join(shlex.quote(value) for value in values)})")


def show(board):
    if not isinstance(board, dict):
        raise Refused("a map was expected")
    image = board.get("image")
    emulation = board.get("emulation")
    scalar("board_summary", text(board, "summary", "", ""))
    array("board_modules", words(board, "modules", ""))
    scalar("board_has_image", "yes" if image is not None else "")
    scalar("board_is_emulated", "yes" if emulation is not None else "")
    if image is not None:
        only(image, "image.", "kernel", "device_tree", "overlays", "firmware", "config",
             "cmdline")
        scalar("board_kernel", text(image, "kernel", "image.", "trixie"))
        scalar("board_device_tree", text(image, "device_tree", "image.", ""))
        array("board_overlays", words(image, "overlays", "image."))
        array("board_firmware", words(image, "firmware", "image."))
        scalar("board_config", text(image, "config", "image.", ""))
        scalar("board_cmdline", " ".join(text(image, "cmdline", "image.").split()))
    if emulation is not None:
        only(emulation, "emulation.", "arguments", "cmdline")
        # One line of the file may hold several words, as one would type them.
        array("board_arguments",
              [word for line in words(emulation, "arguments", "emulation.")
               for word in shlex.split(line)])
        scalar("board_emulation_cmdline",
               " ".join(text(emulation, "cmdline", "emulation.", "").split()))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        with open(sys.argv[1], encoding="utf-8") as file:
            show(yaml.safe_load(file))
    except OSError as error:
        sys.exit(f"{sys.argv[1]}: {error.strerror}")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        sys.exit(f"{sys.argv[1]}{place}: {getattr(error, 'problem', None) or error}")
    except (Refused, ValueError) as error:
        sys.exit(f"{sys.argv[1]}: {error}")


main()
