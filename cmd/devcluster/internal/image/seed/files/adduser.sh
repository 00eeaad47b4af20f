#!/bin/sh
# Debian's busybox has no adduser and addgroup; Dockerfiles use busybox's own:
#   adduser  [-h DIR] [-g GECOS] [-s SHELL] [-G GROUP] [-u UID] [-S] [-D] [-H] USER [GROUP]
#   addgroup [-g GID] [-S] GROUP   or   addgroup USER GROUP
set -e

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

known() { grep -q "^$2:" "/etc/$1"; }

# free FILE FIRST: the first number from FIRST that no line of FILE has.
free() {
	number=$2
	while cut -d: -f3 "/etc/$1" | grep -qx "$number"; do
		number=$((number + 1))
	done
	echo "$number"
}

number() { grep "^$2:" "/etc/$1" | cut -d: -f3; }

join() {
	known group "$2" || die "unknown group $2"
	members=$(grep "^$2:" /etc/group | cut -d: -f4)
	case ",$members," in *",$1,"*) return ;; esac
	sed -i "s/^\($2:[^:]*:[^:]*:\).*/\1${members:+$members,}$1/" /etc/group
}

addgroup() {
	gid= first=1000
	while getopts g:S option; do
		case $option in
		g) gid=$OPTARG ;;
		S) first=100 ;;
		*) exit 1 ;;
		esac
	done
	shift $((OPTIND - 1))
	if [ $# = 2 ]; then
		join "$1" "$2"
		return
	fi
	[ $# = 1 ] || die "give one group, or a user and a group"
	known group "$1" && die "group '$1' in use"
	echo "$1:x:${gid:-$(free group $first)}:" >>/etc/group
}

adduser() {
	uid= group= home= shell=/bin/sh gecos='Linux User,,,' first=1000 make=yes
	while getopts h:g:s:G:u:k:SDH option; do
		case $option in
		h) home=$OPTARG ;;
		g) gecos=$OPTARG ;;
		s) shell=$OPTARG ;;
		G) group=$OPTARG ;;
		u) uid=$OPTARG ;;
		S) first=100 shell=/bin/false ;;
		H) make= ;;
		k | D) ;;
		*) exit 1 ;;
		esac
	done
	shift $((OPTIND - 1))
	if [ $# = 2 ]; then
		join "$1" "$2"
		return
	fi
	[ $# = 1 ] || die "give one user, or a user and a group"
	known passwd "$1" && die "user '$1' in use"
	uid=${uid:-$(free passwd $first)}
	if [ -z "$group" ]; then
		group=$1
		known group "$group" || echo "$group:x:$uid:" >>/etc/group
	fi
	known group "$group" || die "unknown group $group"
	gid=$(number group "$group")
	home=${home:-/home/$1}
	echo "$1:x:$uid:$gid:$gecos:$home:$shell" >>/etc/passwd
	if [ -n "$make" ]; then
		mkdir -p "$home"
		chown "$uid:$gid" "$home"
	fi
}

case ${0##*/} in
addgroup) addgroup "$@" ;;
*) adduser "$@" ;;
esac
