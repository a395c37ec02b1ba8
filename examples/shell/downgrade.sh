#!/bin/sh
# downgrade.sh ACCOUNT gives each user of an account a Basic license. It is the script under test:
# replace it by yours.
set -eu
account=$1

left=$(aws chime list-users --account-id "$account" --query 'Users[].UserId' --output text)
for try in 1 2 3; do
	[ -n "$left" ] || exit 0
	set --
	for user in $left; do set -- "$@" "UserId=$user,LicenseType=Basic"; done
	left=$(aws chime batch-update-user --account-id "$account" --update-user-request-items "$@" --query 'UserErrors[].UserId' --output text)
done
[ -z "$left" ] || { echo "still failing: $left" >&2; exit 1; }
