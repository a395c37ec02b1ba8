#!/bin/sh
# Tests downgrade.sh. It needs curl, an AWS CLI that reads AWS_ENDPOINT_URL_CHIME (1.29, 2.13 or later), and a
# service for tests:
#
#     carillon serve --test &
#     ./downgrade_test.sh
#
# It prints TAP, as bats does: a line for each test, "ok" or "not ok".
cd "$(dirname "$0")"
export AWS_ENDPOINT_URL_CHIME="${AWS_ENDPOINT_URL_CHIME:-http://127.0.0.1:24463}" # any service for tests
export AWS_ACCESS_KEY_ID=AKIACARILLONTEST0000 AWS_SECRET_ACCESS_KEY=carillonTestSecretAccessKey0000000000000
export AWS_SESSION_TOKEN= AWS_DEFAULT_REGION=us-east-1 AWS_PAGER=

# service METHOD PATH [JSON] tells the service what a test wants of it.
service() {
	curl --silent --show-error --fail-with-body -X "$1" ${3:+--data "$3"} "$AWS_ENDPOINT_URL_CHIME/_carillon/$2"
}

# setup runs before each test: an account with two people, and nothing else.
setup() {
	service POST reset
	account=$(aws chime create-account --name Acme --query Account.AccountId --output text)
	aws chime invite-users --account-id "$account" --user-email-list ana@example.com bo@example.com >/dev/null
}

licenses() { aws chime list-users --account-id "$account" --query 'join(`,`, Users[].LicenseType)' --output text; }

fired() { service GET faults | grep -o '"fired": *[0-9]*' | grep -o '[0-9]*$'; }

# equal GOT WANT fails the test unless both are the same.
equal() {
	[ "$1" = "$2" ] || { echo "# got '$1', want '$2'"; return 1; }
}

test_everybody_gets_basic() {
	./downgrade.sh "$account"
	equal "$(licenses)" Basic,Basic
}

# The service refuses Ana once, in a batch that is fine otherwise.
test_a_refused_user_is_tried_again() {
	service POST faults '[{"operation": "BatchUpdateUser", "user": "ana@example.com", "where": "item", "count": 1, "effect": {"code": "Throttled"}}]'
	./downgrade.sh "$account"
	equal "$(licenses)" Basic,Basic
	equal "$(fired)" 1
}

# The work is done, and the connection breaks before the reply. The AWS CLI sends the call again.
test_a_lost_reply_does_no_harm() {
	service POST faults '[{"operation": "BatchUpdateUser", "where": "after", "count": 1, "effect": {"connection": "reset"}}]'
	./downgrade.sh "$account"
	equal "$(licenses)" Basic,Basic
	equal "$(fired)" 1
}

test_a_user_who_is_always_refused_is_reported() {
	service POST faults '[{"operation": "BatchUpdateUser", "user": "bo@example.com", "where": "item", "effect": {"code": "Forbidden"}}]'
	! ./downgrade.sh "$account" 2>"$scratch/complaints" || return 1
	grep -q "^still failing: " "$scratch/complaints"
	equal "$(licenses)" Basic,Pro
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
number=0 failed=0
for name in test_everybody_gets_basic test_a_refused_user_is_tried_again test_a_lost_reply_does_no_harm test_a_user_who_is_always_refused_is_reported; do
	number=$((number + 1))
	# Not "if (...)" or "(...) ||": there, the shell would go on after a command that failed.
	(set -e; setup; "$name") >"$scratch/out" 2>&1
	if [ $? = 0 ]; then
		echo "ok $number $name"
	else
		echo "not ok $number $name"
		sed 's/^/# /' "$scratch/out"
		failed=1
	fi
done
echo "1..$number"
exit $failed
