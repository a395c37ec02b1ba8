# The scenario of clients_test.go, told by an AWS CLI, which is $CLI. It is given the endpoint as an
# option: releases before 1.29 and 2.13 read no variable for it.
set -eu
chime() { "$CLI" --endpoint-url "$AWS_ENDPOINT_URL_CHIME" --output text chime "$@"; }
is() { [ "$1" = "$2" ] || { echo "got  $1"; echo "want $2"; exit 1; }; }

# A Team account, from its creation to its end.
account=$(chime create-account --name 'From the command line' --query Account.AccountId)
is "$(chime get-account --account-id "$account" --query Account.AccountType)" Team
is "$(chime invite-users --account-id "$account" --user-email-list "a-$account@example.net" "b-$account@example.net" "c-$account@example.net" \
	--query 'length(Invites)')" 3
users=$(chime list-users --account-id "$account" --page-size 2 --query 'Users[].UserId' | tr '\n' ' ')
set -- $users
is $# 3
is "$(chime batch-update-user --account-id "$account" --query 'UserErrors[].[UserId,ErrorCode]' \
	--update-user-request-items "UserId=$1,LicenseType=Basic" UserId=nobody,LicenseType=Basic "UserId=$2,LicenseType=Plus" | tr '\t\n' '  ')" \
	"nobody NotFound $2 BadRequest "
is "$(chime get-user --account-id "$account" --user-id "$1" --query User.LicenseType)" Basic
chime update-account-settings --account-id "$account" --account-settings DisableRemoteControl=true
is "$(chime get-account-settings --account-id "$account" --query 'AccountSettings.[DisableRemoteControl,EnableDialOut]' | tr '\t' ' ')" "True False"
chime batch-suspend-user --account-id "$account" --user-id-list "$@"
is "$(chime list-users --account-id "$account")" ""
chime delete-account --account-id "$account"
! missing=$(chime get-account --account-id "$account" 2>&1)
case $missing in *'(NotFoundException)'*) ;; *) echo "got  $missing"; exit 1 ;; esac

# An Enterprise account, whose people the operator has registered.
user=$(chime list-users --account-id "$ENTERPRISE" --query 'Users[0].UserId' | head -n 1)
status() { chime get-user --account-id "$ENTERPRISE" --user-id "$user" --query User.UserRegistrationStatus; }
is "$(status)" Registered
chime batch-suspend-user --account-id "$ENTERPRISE" --user-id-list "$user"
is "$(status)" Suspended
chime batch-unsuspend-user --account-id "$ENTERPRISE" --user-id-list "$user"
is "$(status)" Registered

# A room of it: who is in it, with which role, and its end.
room=$(chime create-room --account-id "$ENTERPRISE" --name 'From the command line' --query Room.RoomId)
is "$(chime batch-create-room-membership --account-id "$ENTERPRISE" --room-id "$room" --query 'Errors[].[MemberId,ErrorCode]' \
	--membership-item-list "MemberId=$user,Role=Administrator" MemberId=nobody | tr '\t\n' '  ')" "nobody NotFound "
is "$(chime list-room-memberships --account-id "$ENTERPRISE" --room-id "$room" --query 'RoomMemberships[].[Member.MemberId,Role]' | tr '\t' ' ')" \
	"$user Administrator"
is "$(chime list-rooms --account-id "$ENTERPRISE" --member-id "$user" --query 'Rooms[].RoomId')" "$room"
chime delete-room-membership --account-id "$ENTERPRISE" --room-id "$room" --member-id "$user"
is "$(chime list-rooms --account-id "$ENTERPRISE" --member-id "$user" --query 'Rooms[].RoomId')" ""
is "$(chime update-room --account-id "$ENTERPRISE" --room-id "$room" --name Renamed --query Room.Name)" Renamed
chime delete-room --account-id "$ENTERPRISE" --room-id "$room"

# A bot of it: where its events go, and its token. Another CLI makes one of its own.
bot=$(chime create-bot --account-id "$ENTERPRISE" --display-name "Shell $$" --query Bot.BotId)
token() { chime get-bot --account-id "$ENTERPRISE" --bot-id "$bot" --query Bot.SecurityToken; }
events() { chime get-events-configuration --account-id "$ENTERPRISE" --bot-id "$bot" --query EventsConfiguration.OutboundEventsHTTPSEndpoint; }
chime put-events-configuration --account-id "$ENTERPRISE" --bot-id "$bot" \
	--cli-input-json "{\"OutboundEventsHTTPSEndpoint\": \"$BOT_URL/sh\"}" >/dev/null
is "$(events)" "$BOT_URL/sh"
chime delete-events-configuration --account-id "$ENTERPRISE" --bot-id "$bot"
missing=$(events 2>&1) && exit 1
case $missing in *'(NotFoundException)'*) ;; *) echo "got  $missing"; exit 1 ;; esac
former=$(token)
is "$(chime regenerate-security-token --account-id "$ENTERPRISE" --bot-id "$bot" --query Bot.SecurityToken)" "$(token)"
[ "$former" != "$(token)" ]
is "$(chime update-bot --account-id "$ENTERPRISE" --bot-id "$bot" --disabled --query Bot.Disabled)" True
is "$(chime list-bots --account-id "$ENTERPRISE" --max-results 99 --query "Bots[?BotId=='$bot'].Disabled")" True

# A number: searched, ordered, given to somebody, taken back and deleted.
until_is() {
	end=$(($(date +%s) + 60))
	while [ "$(date +%s)" -lt $end ]; do [ "$("$1")" != "$2" ] || return 0; done
	is "$("$1")" "$2"
}
number=$(chime search-available-phone-numbers --area-code 206 --max-results 1 --query 'E164PhoneNumbers[0]')
order=$(chime create-phone-number-order --product-type BusinessCalling --e164-phone-numbers "$number" --query PhoneNumberOrder.PhoneNumberOrderId)
order_status() { chime get-phone-number-order --phone-number-order-id "$order" --query PhoneNumberOrder.Status; }
until_is order_status Successful
chime associate-phone-number-with-user --account-id "$ENTERPRISE" --user-id "$user" --e164-phone-number "$number"
is "$(chime get-user --account-id "$ENTERPRISE" --user-id "$user" --query User.PrimaryProvisionedNumber)" "$number"
is "$(chime list-phone-numbers --filter-name UserId --filter-value "$user" --query 'PhoneNumbers[].[E164PhoneNumber,Status]' | tr '\t' ' ')" "$number Assigned"
chime disassociate-phone-number-from-user --account-id "$ENTERPRISE" --user-id "$user"
chime delete-phone-number --phone-number-id "$number"
is "$(chime get-phone-number --phone-number-id "$number" --query PhoneNumber.Status)" DeleteInProgress

# The bot in a room: it hears who mentions it, and answers. What was said is kept for a time, and one
# message is redacted.
chime update-bot --account-id "$ENTERPRISE" --bot-id "$bot" --no-disabled >/dev/null
chime put-events-configuration --account-id "$ENTERPRISE" --bot-id "$bot" \
	--cli-input-json "{\"OutboundEventsHTTPSEndpoint\": \"$BOT_URL/sh\"}" >/dev/null
room=$(chime create-room --account-id "$ENTERPRISE" --name 'With a bot' --query Room.RoomId)
for member in "$user" "$bot"; do
	chime create-room-membership --account-id "$ENTERPRISE" --room-id "$room" --member-id "$member" >/dev/null
done
email=$(chime get-bot --account-id "$ENTERPRISE" --bot-id "$bot" --query Bot.BotEmail)
message=$(carillon message add --account-id "$ENTERPRISE" --room "$room" --sender "$user" "@$email: hello" | sed -n 's/.*"MessageId": "\([^"]*\)".*/\1/p')
said() { carillon message list --output json --account-id "$ENTERPRISE" --room "$room"; }
answers() { said | grep -c 'You said' || true; }
until_is answers 1
chime put-retention-settings --account-id "$ENTERPRISE" --retention-settings 'RoomRetentionSettings={RetentionDays=30}'
is "$(chime get-retention-settings --account-id "$ENTERPRISE" --query RetentionSettings.RoomRetentionSettings.RetentionDays)" 30
chime redact-room-message --account-id "$ENTERPRISE" --room-id "$room" --message-id "$message"
is "$(said | grep -c '"Redacted": true')" 1
chime delete-room --account-id "$ENTERPRISE" --room-id "$room"
