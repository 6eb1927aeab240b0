# A node of the workbook's cluster: sh node.sh NAME SLURMD SPOOL OWNER, where SPOOL is the
# node's own folder of Slurm's. It runs the slurmd, and watches.
#
# If the slurmd is killed, or the slurmstepd that looks after a job, the ranks would go on without
# anybody to end them, and the others would wait for them: Slurm 22.05 sees the one after its
# SlurmdTimeout, and the other not within 90 s. So then the whole node goes, as if its power had
# failed, and the controller is told, which ends the job. Sites have such a watchman as well.
#
# If the process OWNER is gone (a test that was killed, say), all of the cluster goes.
set -u
name=$1 slurmd=$2 spool=$3 owner=$4
# By this folder others know the slurmstepd, which may write its title over its environment.
cd "$spool" || exit
"$slurmd" -D -N "$name" &
slurmd=$!

# Whether behind the socket of each slurmstepd somebody listens. One that ends in good order
# removes its socket.
steps_live() {
  for socket in "$spool/$name"_*; do
    [ ! -S "$socket" ] || grep -q " $socket\$" /proc/net/unix || return 1
  done
}

while kill -0 "$slurmd" 2>/dev/null && [ -e "/proc/$owner" ]; do
  # The second look is for one that is about to remove it.
  steps_live || { sleep 0.5; steps_live; } || break
  sleep 0.5
done

# The processes that belong to this cluster and have this in their environment, and each slurmstepd
# that works in such a folder; without ourselves.
others() {
  {
    env -u WORKBOOK_CLUSTER_DAEMON grep -lszE "$1" /proc/[0-9]*/environ |
      env -u WORKBOOK_CLUSTER_DAEMON xargs -r grep -lszxF -e "SLURM_CONF=$SLURM_CONF" |
      sed -n 's|^/proc/\([0-9]*\)/environ$|\1|p'
    for process in /proc/[0-9]*; do
      [ "$(cat "$process/comm")" = slurmstepd ] || continue
      # shellcheck disable=SC2254 # a pattern on purpose
      case $(readlink "$process/cwd") in $2) echo "${process#/proc/}" ;; esac
    done
  } 2>/dev/null | grep -vx $$
}
kill_others() {
  for _ in 1 2 3 4 5 6 7 8 9; do
    pids=$(others "$1" "$2") || break
    # shellcheck disable=SC2086 # words on purpose
    kill -9 $pids 2>/dev/null
    sleep 0.1
  done
}

if [ ! -e "/proc/$owner" ]; then
  [ "$name" != n1 ] ||
    kill_others '^(WORKBOOK_CLUSTER_DAEMON|SLURMD_NODENAME)=' "${spool%/*}/*"
  exit
fi
if kill -0 "$slurmd" 2>/dev/null; then reason='a slurmstepd was killed'
else
  wait "$slurmd" && exit # in good order
  reason='slurmd was killed'
fi
kill_others "^(WORKBOOK_CLUSTER_DAEMON|SLURMD_NODENAME)=$name\$" "$spool"
timeout 10 scontrol update NodeName="$name" State=DOWN Reason="$reason"
exit 1
