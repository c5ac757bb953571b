#!/usr/bin/env bash
# two_nodes.sh RANKS_PER_NODE COMMAND...
#
# Runs the command by mpirun on two nodes and again on one, with the same number of ranks, and compares what it prints
# (but for lines that begin with "host", which must name both nodes in the first run). The nodes are two network
# namespaces with host names of their own, joined by a bridge in a third; mpirun starts its daemon on the second one
# through an rsh agent, as it would through ssh. Everything made here has this process's id in its name and is removed
# at the end; nothing outside the three namespaces is given an address.
#
# Exit code 77: skipped, with the reason. Needs root, iproute2 and unshare.
set -euo pipefail

skip() {
  echo "skipped: $*"
  exit 77
}
[[ $# -ge 2 ]] || { echo "usage: two_nodes.sh RANKS_PER_NODE COMMAND..." >&2; exit 2; }
ranks=$1
shift
[[ $(id -u) == 0 ]] || skip "needs root to make network namespaces"
for tool in ip unshare mpirun timeout hostname; do
  command -v "$tool" > /dev/null || skip "needs $tool"
done

id=ropeway$$
work=$(mktemp -d)
namespaces=("$id-node1" "$id-node2" "$id-switch")

made_etc_netns=
clean_up() {
  local name pids
  for name in "${namespaces[@]}"; do
    [[ -e /run/netns/$name ]] || continue
    pids=$(ip netns pids "$name") # daemons a failed mpirun left behind; all of them were started here
    # shellcheck disable=SC2086 # a list of numbers
    [[ -z $pids ]] || kill -9 $pids 2> /dev/null || true
    ip netns delete "$name" || true
  done
  rm -rf "$work" "/etc/netns/$id-node1" "/etc/netns/$id-node2"
  [[ -z $made_etc_netns ]] || rmdir /etc/netns 2> /dev/null || true
}
trap clean_up EXIT
trap 'exit 1' INT TERM

for name in "${namespaces[@]}"; do
  ip netns add "$name" 2> "$work/reason" || skip "cannot make a network namespace: $(cat "$work/reason")"
done
ip -n "$id-switch" link add bridge0 type bridge 2> "$work/reason" || skip "cannot make a bridge: $(cat "$work/reason")"
ip -n "$id-switch" link set bridge0 up
[[ -d /etc/netns ]] || { mkdir /etc/netns && made_etc_netns=yes; }
for node in 1 2; do
  name=$id-node$node
  ip -n "$id-switch" link add "port$node" type veth peer name eth0 netns "$name" 2> "$work/reason" ||
    skip "cannot make a link: $(cat "$work/reason")"
  ip -n "$id-switch" link set "port$node" mtu 65535 master bridge0 up
  ip -n "$name" link set eth0 mtu 65535 up
  ip -n "$name" link set lo up
  ip -n "$name" address add "10.77.0.$node/24" dev eth0
  mkdir -p "/etc/netns/$name" # `ip netns exec` puts these files over those of /etc
  printf '127.0.0.1 localhost\n10.77.0.1 node1\n10.77.0.2 node2\n' > "/etc/netns/$name/hosts"
done

# on_node.sh HOST COMMAND...; as an rsh agent it is given options first, and the command as one string for a shell.
cat > "$work/on_node.sh" << SCRIPT
#!/usr/bin/env bash
while [[ \$1 == -* ]]; do shift; done
host=\$1
shift
exec ip netns exec "$id-\$host" unshare --uts bash -c 'hostname "\$1"; shift; eval "\$*"' _ "\$host" "\$@"
SCRIPT
chmod +x "$work/on_node.sh"
ip netns exec "$id-node1" unshare --uts true 2> "$work/reason" || skip "cannot enter a node: $(cat "$work/reason")"

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,vader,tcp
export OMPI_MCA_mpi_yield_when_idle=1 OMP_NUM_THREADS=1 TMPDIR=$work

command=$(printf '%q ' "$@")
echo "one node:"
OMPI_MCA_plm_rsh_agent=/bin/false timeout -k 5 100 mpirun -n $((2 * ranks)) "$@" > "$work/one"
cat "$work/one"
echo "two nodes:"
timeout -k 5 100 "$work/on_node.sh" node1 "OMPI_MCA_plm_rsh_agent=$work/on_node.sh \
  mpirun --mca oob_tcp_if_include eth0 --mca btl_tcp_if_include eth0 \
  --host node1:$ranks,node2:$ranks -n $((2 * ranks)) $command" > "$work/two"
cat "$work/two"

grep '^host' "$work/two" | grep -q node1 || { echo "no rank ran on node1"; exit 1; }
grep '^host' "$work/two" | grep -q node2 || { echo "no rank ran on node2"; exit 1; }
diff <(grep -v '^host' "$work/one") <(grep -v '^host' "$work/two") || { echo "the results differ"; exit 1; }
echo "the same on one node and on two"
