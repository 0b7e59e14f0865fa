# SPDX-License-Identifier: GPL-2.0-or-later
#
# What "vdpa dev cdi" prints, in the hands of podman: a guest of its own that has podman, beside the
# suite's, with a cache folder of its own, which has its own lock (as in bed.bats).

load ../common
load ../device
load ../traffic

setup_file()
{
	local cache=${VDUSE_TOOLS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vduse-tools} layer

	[ ! -e "$VM_DIR/host" ] || skip "it needs a guest, and HOST=1 has none"
	layer=$("$testsuite/vm/podman")
	mkdir "$BATS_FILE_TMPDIR/cache"
	ln -s "$cache"/kernel-* "$cache"/root-*.squashfs "$cache"/headers-* "$cache"/vdpa_test-* "$BATS_FILE_TMPDIR/cache/"
	export VM_DIR=$BATS_FILE_TMPDIR/vm
	VDUSE_TOOLS_CACHE=$BATS_FILE_TMPDIR/cache VM_LAYER=$layer VM_OWNER=$$ "$testsuite/vm/start" "$VM_DIR"
	guest_sh 'ldconfig && mount --make-rshared / && mkdir -p /var/lib/containers && mount -t tmpfs containers /var/lib/containers'
}

teardown_file()
{
	"$testsuite/vm/stop" "$VM_DIR"
}

# container STATUS WORDS...: what it prints is in $out and $err, if it ends with STATUS.
container()
{
	local want=$1
	shift

	run_line "timeout -s KILL 300 podman --storage-driver=vfs --cgroup-manager=cgroupfs \
		--events-backend=file run --rm --network=none $*"
	[ "$status" = "$want" ] || broken "podman run $*: status $status: $out$err"
}

# root_of_container FOLDER PROGRAM...: these, and what they are linked with.
root_of_container()
{
	local to=$1 program library
	shift

	mkdir -p "$to"/usr/{bin,lib,lib64} "$to"/{dev,etc,proc,run,sys,tmp}
	ln -s usr/bin usr/lib usr/lib64 "$to"
	for program; do
		cp "$(type -P "$program")" "$to/bin/"
		for library in $(ldd "$to/bin/$program" | grep -o '/[^ ]*'); do
			mkdir -p "$to${library%/*}"
			cp -L "$library" "$to$library"
		done
	done
}

guest_functions+=(container root_of_container)

@test "podman: a container drives the device that it is given by its CDI name, as nobody and without a capability; it has no other, and another container has none" {
	in_guest <<-'SCRIPT'
		root_of_container $T.root ls vhost_driver
		need 0 'vduse up pod0 driver vhost_vdpa'
		need 0 'vduse up pod1 driver vhost_vdpa'
		# the second one, whose number is not the first
		mkdir -p /run/cdi
		vdpa dev cdi pod1 >/run/cdi/vduse-tools-vdpa_pod1.json
		container 0 --device vduse-tools/vdpa=pod1 --rootfs $T.root ls /dev
		[ "$(grep -o 'vhost-vdpa.*' <<<"$out")" = "$(basename "$(node_of pod1)")" ] || complain "in it is: $out"
		container 0 --user 65534:65534 --cap-drop all --device vduse-tools/vdpa=pod1 --rootfs $T.root \
			vhost_driver "$(node_of pod1)" sizes 60-1514:101 count 500
		answer=$out
		answers 'sent == 500' 'received == 500' 'lost == 0' 'corrupt == 0'
		[ "$(vduse -j stats | jq -c '[.stats | .pod0, .pod1 | .tx.frames]')" = '[0,500]' ] || complain 'it drove another device'
		container 0 --rootfs $T.root ls /dev
		[[ $out != *vhost-vdpa* ]] || complain "without a device there is: $out"
		container 126 --device vduse-tools/vdpa=pod0 --rootfs $T.root ls /dev
		[[ $err = *'unresolvable CDI devices'* ]] || complain "of a device without a specification: $err"
		rm /run/cdi/vduse-tools-vdpa_pod1.json
		expect 0 'vduse down pod1'
		expect 0 'vduse down pod0'
		rm -r $T.*
		nothing_left
	SCRIPT
}
