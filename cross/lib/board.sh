# shellcheck shell=bash disable=SC2034
# What cross/image and cross/emulate agree on: the layout of the card, the names of the files on
# it, and the board's description. Sourced after common.sh.

# The card: MBR, boot partition (FAT32), data partition (ext4, the last one, so that it can grow).
# Sectors have 512 bytes. Partitions begin on 4 MiB, which erase blocks of SD cards divide.
card_boot_start=8192
# Room for the present kernel and initramfs (50 MB) and for a second pair beside them.
card_boot_sectors=524288
card_data_start=$((card_boot_start + card_boot_sectors))
# Enough for the file system's journal and a first day; the gateway grows it when it first starts.
card_mebibytes_default=324
card_mebibytes_minimum=$((card_data_start / 2048 + 32))

# The boot partition as mtools name it: IMAGE@@BYTES.
card_boot() {
  printf '%s@@%s\n' "$1" $((card_boot_start * 512))
}

# Files on the boot partition.
card_kernel=vmlinuz
card_initramfs=initramfs.zst
card_configuration=gateway.yaml

# What a description sets; board.py says what each is.
board_name='' board_summary='' board_has_image='' board_is_emulated=''
board_kernel='' board_device_tree='' board_config='' board_cmdline='' board_emulation_cmdline=''
board_modules=() board_overlays=() board_firmware=() board_arguments=()

# load_board NAME: the board's description as variables board_*; see lib/board.py.
load_board() {
  local file=${weir_root:?}/boards/$1/board.yaml variables known
  if [[ ! $1 =~ ^[a-z0-9-]+$ ]] || [ ! -f "$file" ]; then
    known=$(cd "$weir_root/boards" && printf '%s, ' */board.yaml | sed 's#/board.yaml##g; s/, $//')
    die "there is no board '$1': there are $known"
  fi
  [ -x /usr/bin/python3 ] || die "/usr/bin/python3 is missing: run cross/packages image"
  # Debian's own python3 has the YAML module; another one on PATH may not have it.
  variables=$(/usr/bin/python3 "$weir_root/cross/lib/board.py" "$file" 2>&1) ||
    die "$(tail -n 1 <<<"$variables")"
  eval "$variables"
  board_name=$1
}

# QEMU separates options by commas; one that is meant is doubled.
qemu_escape() {
  printf '%s\n' "${1//,/,,}"
}
