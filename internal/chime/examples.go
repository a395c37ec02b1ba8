package chime

import "github.com/carillon-project/carillon/internal/model"

// examples are command lines for each operation. The ids in them are made up, but those of the
// same thing are the same everywhere. A test of package help runs every one as its page shows it.
var examples = []model.OperationExamples{
	{Operation: "AssociatePhoneNumberWithUser", Examples: []model.Example{{
		Purpose: "To give a user a phone number:",
		Command: `aws chime associate-phone-number-with-user \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-id 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12 \
    --e164-phone-number +12065550100`,
	}}},
	{Operation: "AssociateSigninDelegateGroupsWithAccount", Examples: []model.Example{{
		Purpose: "To let two directory groups sign in shared devices:",
		Command: `aws chime associate-signin-delegate-groups-with-account \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --signin-delegate-groups GroupName=front-desk GroupName="IT support"`,
	}}},
	{Operation: "BatchCreateRoomMembership", Examples: []model.Example{{
		Purpose: "To add an administrator and a member to a room:",
		Command: `aws chime batch-create-room-membership \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --room-id 01931c71-0b3e-7f60-8c2d-46a1b5e9d073 \
    --membership-item-list \
        MemberId=01931c60-22f4-7c1a-8e55-3b9d7f0a4c12,Role=Administrator \
        MemberId=01931c60-22f5-7d83-a1b6-90c4e2d7f358`,
		Output: `{
    "Errors": []
}`,
	}}},
	{Operation: "BatchDeletePhoneNumber", Examples: []model.Example{{
		Purpose: "To delete two phone numbers, one of which is in use:",
		Command: `aws chime batch-delete-phone-number --phone-number-ids +12065550100 +12065550101`,
		Output: `{
    "PhoneNumberErrors": [
        {
            "PhoneNumberId": "+12065550101",
            "ErrorCode": "PhoneNumberAssociationsExist",
            "ErrorMessage": "Phone number +12065550101 is associated with a user: disassociate it first"
        }
    ]
}`,
	}}},
	{Operation: "BatchSuspendUser", Examples: []model.Example{{
		Purpose: "To suspend two users:",
		Command: `aws chime batch-suspend-user \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-id-list 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12 \
        01931c60-22f5-7d83-a1b6-90c4e2d7f358`,
		Output: `{
    "UserErrors": []
}`,
	}}},
	{Operation: "BatchUnsuspendUser", Examples: []model.Example{{
		Purpose: "To end the suspension of a user:",
		Command: `aws chime batch-unsuspend-user \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-id-list 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12`,
		Output: `{
    "UserErrors": []
}`,
	}}},
	{Operation: "BatchUpdatePhoneNumber", Examples: []model.Example{{
		Purpose: "To give two phone numbers the same calling name:",
		Command: `aws chime batch-update-phone-number \
    --update-phone-number-request-items \
        PhoneNumberId=+12065550100,CallingName="Example Corp" \
        PhoneNumberId=+12065550101,CallingName="Example Corp"`,
		Output: `{
    "PhoneNumberErrors": []
}`,
	}}},
	{Operation: "BatchUpdateUser", Examples: []model.Example{{
		Purpose: "To give one user a Basic and another a Pro license:",
		Command: `aws chime batch-update-user \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --update-user-request-items \
        UserId=01931c60-22f4-7c1a-8e55-3b9d7f0a4c12,LicenseType=Basic \
        UserId=01931c60-22f5-7d83-a1b6-90c4e2d7f358,LicenseType=Pro`,
		Output: `{
    "UserErrors": []
}`,
	}, {
		Purpose: "To make a user the profile of a meeting room, with Alexa for Business. The quotes keep the shell from splitting the braces:",
		Command: `aws chime batch-update-user \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --update-user-request-items 'UserId=01931c60-22f4-7c1a-8e55-3b9d7f0a4c12,
        UserType=SharedDevice,
        AlexaForBusinessMetadata={IsAlexaForBusinessEnabled=true}'`,
		Output: `{
    "UserErrors": []
}`,
	}, {
		Purpose: "To give the input as JSON, which can also be in a file: file://NAME. One of the users does not exist:",
		Command: `aws chime batch-update-user --cli-input-json '{
    "AccountId": "01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27",
    "UpdateUserRequestItems": [
        {"UserId": "01931c60-22f4-7c1a-8e55-3b9d7f0a4c12", "LicenseType": "Pro"},
        {"UserId": "no-such-user", "LicenseType": "Pro"}
    ]
}'`,
		Output: `{
    "UserErrors": [
        {
            "UserId": "no-such-user",
            "ErrorCode": "NotFound",
            "ErrorMessage": "User no-such-user was not found in the account"
        }
    ]
}`,
	}}},
	{Operation: "CreateAccount", Examples: []model.Example{{
		Purpose: "To create an account:",
		Command: `aws chime create-account --name "Example Corp"`,
		Output: `{
    "Account": {
        "AwsAccountId": "111122223333",
        "AccountId": "01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27",
        "Name": "Example Corp",
        "AccountType": "Team",
        "CreatedTimestamp": "2026-03-02T09:14:07.512Z",
        "DefaultLicense": "Pro",
        "SupportedLicenses": [
            "Basic",
            "Pro"
        ],
        "AccountStatus": "Active",
        "SigninDelegateGroups": []
    }
}`,
	}}},
	{Operation: "CreateBot", Examples: []model.Example{{
		Purpose: "To create a bot with an e-mail address in a given domain:",
		Command: `aws chime create-bot \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --display-name Lunch \
    --domain example.com`,
		Output: `{
    "Bot": {
        "BotId": "01931c74-5d28-7a94-b0e7-1f63c8d2a459",
        "UserId": "01931c74-5d28-7a94-b0e7-1f63c8d2a459",
        "DisplayName": "Lunch (Bot)",
        "BotType": "ChatBot",
        "Disabled": false,
        "CreatedTimestamp": "2026-03-02T09:38:21.640Z",
        "UpdatedTimestamp": "2026-03-02T09:38:21.640Z",
        "BotEmail": "lunch-chimebot@example.com",
        "SecurityToken": "b3VyLW93bi1zYW1wbGUtdG9rZW4tbm90LXJlYWw="
    }
}`,
	}}},
	{Operation: "CreateMeetingDialOut", Examples: []model.Example{{
		Purpose: "To bring a phone into a meeting:",
		Command: `aws chime create-meeting-dial-out \
    --meeting-id 9c4d7e21-36b8-4f05-a1d2-c87e5b90f463 \
    --from-phone-number +12065550100 \
    --to-phone-number +12065550199 \
    --join-token c2FtcGxlLWpvaW4tdG9rZW4`,
		Output: `{
    "TransactionId": "5e0f8c3a-92d1-4b67-8a3e-f41c6d7b20e9"
}`,
	}}},
	{Operation: "CreatePhoneNumberOrder", Examples: []model.Example{{
		Purpose: "To order two phone numbers:",
		Command: `aws chime create-phone-number-order \
    --product-type BusinessCalling \
    --e164-phone-numbers +12065550100 +12065550101`,
		Output: `{
    "PhoneNumberOrder": {
        "PhoneNumberOrderId": "7b2a95d0-1c6e-4d38-9f84-e05b3c7a6142",
        "ProductType": "BusinessCalling",
        "Status": "Processing",
        "OrderedPhoneNumbers": [
            {
                "E164PhoneNumber": "+12065550100",
                "Status": "Processing"
            },
            {
                "E164PhoneNumber": "+12065550101",
                "Status": "Processing"
            }
        ],
        "CreatedTimestamp": "2026-03-02T09:41:03.087Z",
        "UpdatedTimestamp": "2026-03-02T09:41:03.087Z"
    }
}`,
	}}},
	{Operation: "CreateRoom", Examples: []model.Example{{
		Purpose: "To create a room:",
		Command: `aws chime create-room \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --name "Release planning"`,
		Output: `{
    "Room": {
        "RoomId": "01931c71-0b3e-7f60-8c2d-46a1b5e9d073",
        "Name": "Release planning",
        "AccountId": "01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27",
        "CreatedBy": "arn:aws:iam::111122223333:user/ana",
        "CreatedTimestamp": "2026-03-02T09:34:44.158Z",
        "UpdatedTimestamp": "2026-03-02T09:34:44.158Z"
    }
}`,
	}}},
	{Operation: "CreateRoomMembership", Examples: []model.Example{{
		Purpose: "To make a user the administrator of a room:",
		Command: `aws chime create-room-membership \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --room-id 01931c71-0b3e-7f60-8c2d-46a1b5e9d073 \
    --member-id 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12 \
    --role Administrator`,
	}}},
	{Operation: "CreateUser", Examples: []model.Example{{
		Purpose: "To set up a shared device:",
		Command: `aws chime create-user \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --username "Room 4.12" \
    --email room-4-12@example.com \
    --user-type SharedDevice`,
		Output: `{
    "User": {
        "UserId": "01931c62-4f0b-7e29-93a8-d7c15b6e0f84",
        "AccountId": "01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27",
        "PrimaryEmail": "room-4-12@example.com",
        "DisplayName": "Room 4.12",
        "LicenseType": "Pro",
        "UserType": "SharedDevice",
        "UserRegistrationStatus": "Registered",
        "RegisteredOn": "2026-03-02T09:18:35.929Z",
        "AlexaForBusinessMetadata": {
            "IsAlexaForBusinessEnabled": false
        },
        "PersonalPIN": "0512347860"
    }
}`,
	}}},
	{Operation: "DeleteAccount", Examples: []model.Example{{
		Purpose: "To delete an account:",
		Command: `aws chime delete-account --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27`,
	}}},
	{Operation: "DeleteEventsConfiguration", Examples: []model.Example{{
		Purpose: "To stop the events of a bot:",
		Command: `aws chime delete-events-configuration \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --bot-id 01931c74-5d28-7a94-b0e7-1f63c8d2a459`,
	}}},
	{Operation: "DeletePhoneNumber", Examples: []model.Example{{
		Purpose: "To delete a phone number:",
		Command: `aws chime delete-phone-number --phone-number-id +12065550100`,
	}}},
	{Operation: "DeleteRoom", Examples: []model.Example{{
		Purpose: "To delete a room:",
		Command: `aws chime delete-room \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --room-id 01931c71-0b3e-7f60-8c2d-46a1b5e9d073`,
	}}},
	{Operation: "DeleteRoomMembership", Examples: []model.Example{{
		Purpose: "To remove a member from a room:",
		Command: `aws chime delete-room-membership \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --room-id 01931c71-0b3e-7f60-8c2d-46a1b5e9d073 \
    --member-id 01931c60-22f5-7d83-a1b6-90c4e2d7f358`,
	}}},
	{Operation: "DisassociatePhoneNumberFromUser", Examples: []model.Example{{
		Purpose: "To take the phone number from a user:",
		Command: `aws chime disassociate-phone-number-from-user \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-id 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12`,
	}}},
	{Operation: "DisassociateSigninDelegateGroupsFromAccount", Examples: []model.Example{{
		Purpose: "To take from a directory group the right to sign in shared devices:",
		Command: `aws chime disassociate-signin-delegate-groups-from-account \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --group-names front-desk`,
	}}},
	{Operation: "GetAccount", Examples: []model.Example{{
		Purpose: "To see the licenses that an account supports:",
		Command: `aws chime get-account \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --query Account.SupportedLicenses`,
		Output: `[
    "Basic",
    "Pro"
]`,
	}}},
	{Operation: "GetAccountSettings", Examples: []model.Example{{
		Purpose: "To see the settings of an account:",
		Command: `aws chime get-account-settings --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27`,
		Output: `{
    "AccountSettings": {
        "DisableRemoteControl": false,
        "EnableDialOut": false
    }
}`,
	}}},
	{Operation: "GetBot", Examples: []model.Example{{
		Purpose: "To see the e-mail address of a bot:",
		Command: `aws chime get-bot \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --bot-id 01931c74-5d28-7a94-b0e7-1f63c8d2a459 \
    --query Bot.BotEmail --output text`,
		Output: `lunch-chimebot@example.com`,
	}}},
	{Operation: "GetEventsConfiguration", Examples: []model.Example{{
		Purpose: "To see where the events of a bot are sent:",
		Command: `aws chime get-events-configuration \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --bot-id 01931c74-5d28-7a94-b0e7-1f63c8d2a459`,
		Output: `{
    "EventsConfiguration": {
        "BotId": "01931c74-5d28-7a94-b0e7-1f63c8d2a459",
        "OutboundEventsHTTPSEndpoint": "https://bots.example.com/lunch"
    }
}`,
	}}},
	{Operation: "GetGlobalSettings", Examples: []model.Example{{
		Purpose: "To see where call detail records are kept:",
		Command: `aws chime get-global-settings`,
		Output: `{
    "BusinessCalling": {
        "CdrBucket": "example-call-records"
    },
    "VoiceConnector": {}
}`,
	}}},
	{Operation: "GetPhoneNumber", Examples: []model.Example{{
		Purpose: "To see the status of a phone number:",
		Command: `aws chime get-phone-number --phone-number-id +12065550100 --query PhoneNumber.Status`,
		Output:  `"Assigned"`,
	}}},
	{Operation: "GetPhoneNumberOrder", Examples: []model.Example{{
		Purpose: "To see the status of an order:",
		Command: `aws chime get-phone-number-order \
    --phone-number-order-id 7b2a95d0-1c6e-4d38-9f84-e05b3c7a6142 \
    --query PhoneNumberOrder.Status --output text`,
		Output: `Successful`,
	}}},
	{Operation: "GetPhoneNumberSettings", Examples: []model.Example{{
		Purpose: "To see the default calling name:",
		Command: `aws chime get-phone-number-settings`,
		Output: `{
    "CallingName": "Example Corp",
    "CallingNameUpdatedTimestamp": "2026-03-02T10:02:17.733Z"
}`,
	}}},
	{Operation: "GetRetentionSettings", Examples: []model.Example{{
		Purpose: "To see how long messages are kept:",
		Command: `aws chime get-retention-settings --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27`,
		Output: `{
    "RetentionSettings": {
        "RoomRetentionSettings": {
            "RetentionDays": 365
        },
        "ConversationRetentionSettings": {}
    },
    "InitiateDeletionTimestamp": "2026-04-01T10:10:52.301Z"
}`,
	}}},
	{Operation: "GetRoom", Examples: []model.Example{{
		Purpose: "To see the name of a room:",
		Command: `aws chime get-room \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --room-id 01931c71-0b3e-7f60-8c2d-46a1b5e9d073 \
    --query Room.Name`,
		Output: `"Release planning"`,
	}}},
	{Operation: "GetUser", Examples: []model.Example{{
		Purpose: "To see a user:",
		Command: `aws chime get-user \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-id 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12`,
		Output: `{
    "User": {
        "UserId": "01931c60-22f4-7c1a-8e55-3b9d7f0a4c12",
        "AccountId": "01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27",
        "PrimaryEmail": "ana@example.com",
        "DisplayName": "Ana",
        "LicenseType": "Pro",
        "UserType": "PrivateUser",
        "UserRegistrationStatus": "Registered",
        "UserInvitationStatus": "Accepted",
        "RegisteredOn": "2026-03-02T11:20:40.016Z",
        "InvitedOn": "2026-03-02T09:16:12.844Z",
        "AlexaForBusinessMetadata": {
            "IsAlexaForBusinessEnabled": false
        },
        "PersonalPIN": "4071958236"
    }
}`,
	}}},
	{Operation: "GetUserSettings", Examples: []model.Example{{
		Purpose: "To see what a user may do with a phone number:",
		Command: `aws chime get-user-settings \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-id 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12`,
		Output: `{
    "UserSettings": {
        "Telephony": {
            "InboundCalling": true,
            "OutboundCalling": true,
            "SMS": false
        }
    }
}`,
	}}},
	{Operation: "InviteUsers", Examples: []model.Example{{
		Purpose: "To invite two people. EmailStatus says that no mail was sent, so tell them:",
		Command: `aws chime invite-users \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-email-list ana@example.com bo@example.com`,
		Output: `{
    "Invites": [
        {
            "InviteId": "01931c60-22f3-7b48-8d07-c2e94a5f6b31",
            "Status": "Pending",
            "EmailAddress": "ana@example.com",
            "EmailStatus": "NotSent"
        },
        {
            "InviteId": "01931c60-22f4-7009-b5e3-7a18d6c0f92e",
            "Status": "Pending",
            "EmailAddress": "bo@example.com",
            "EmailStatus": "NotSent"
        }
    ]
}`,
	}}},
	{Operation: "ListAccounts", Examples: []model.Example{{
		Purpose: "To find the id of an account by its name:",
		Command: `aws chime list-accounts --name "Example Corp" --query Accounts[].AccountId --output text`,
		Output:  `01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27`,
	}, {
		Purpose: "To see the first account only:",
		Command: `aws chime list-accounts --max-items 1 --query "Accounts[].[Name,AccountType]"`,
		Output: `[
    [
        "Example Corp",
        "Team"
    ]
]`,
	}}},
	{Operation: "ListBots", Examples: []model.Example{{
		Purpose: "To see which bots are disabled:",
		Command: `aws chime list-bots \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --max-results 99 \
    --query "Bots[?Disabled].DisplayName"`,
		Output: `[]`,
	}}},
	{Operation: "ListPhoneNumberOrders", Examples: []model.Example{{
		Purpose: "To see the latest order:",
		Command: `aws chime list-phone-number-orders --max-results 1 --query PhoneNumberOrders[0].Status`,
		Output:  `"Successful"`,
	}}},
	{Operation: "ListPhoneNumbers", Examples: []model.Example{{
		Purpose: "To see which phone numbers the users of an account have:",
		Command: `aws chime list-phone-numbers \
    --status Assigned \
    --filter-name AccountId \
    --filter-value 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --query PhoneNumbers[].E164PhoneNumber`,
		Output: `[
    "+12065550100"
]`,
	}}},
	{Operation: "ListRoomMemberships", Examples: []model.Example{{
		Purpose: "To see the members of a room:",
		Command: `aws chime list-room-memberships \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --room-id 01931c71-0b3e-7f60-8c2d-46a1b5e9d073 \
    --query "RoomMemberships[].{who: Member.FullName, role: Role}"`,
		Output: `[
    {
        "who": "Ana",
        "role": "Administrator"
    },
    {
        "who": "Bo",
        "role": "Member"
    }
]`,
	}}},
	{Operation: "ListRooms", Examples: []model.Example{{
		Purpose: "To see the rooms that a user is in:",
		Command: `aws chime list-rooms \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --member-id 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12 \
    --query Rooms[].Name`,
		Output: `[
    "Release planning"
]`,
	}}},
	{Operation: "ListSupportedPhoneNumberCountries", Examples: []model.Example{{
		Purpose: "To see where numbers for Business Calling are available:",
		Command: `aws chime list-supported-phone-number-countries --product-type BusinessCalling`,
		Output: `{
    "PhoneNumberCountries": [
        {
            "CountryCode": "US",
            "SupportedPhoneNumberTypes": [
                "Local"
            ]
        },
        {
            "CountryCode": "PR",
            "SupportedPhoneNumberTypes": [
                "Local"
            ]
        }
    ]
}`,
	}}},
	{Operation: "ListUsers", Examples: []model.Example{{
		Purpose: "To see who has a Pro license:",
		Command: `aws chime list-users \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --query "Users[?LicenseType=='Pro'].[UserId,PrimaryEmail]" --output text`,
		Output: "01931c60-22f4-7c1a-8e55-3b9d7f0a4c12\tana@example.com\n" +
			"01931c60-22f5-7d83-a1b6-90c4e2d7f358\tbo@example.com",
	}, {
		Purpose: "To find the id of a user by e-mail address:",
		Command: `aws chime list-users \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-email ana@example.com \
    --query Users[0].UserId`,
		Output: `"01931c60-22f4-7c1a-8e55-3b9d7f0a4c12"`,
	}}},
	{Operation: "LogoutUser", Examples: []model.Example{{
		Purpose: "To sign a user out on all devices:",
		Command: `aws chime logout-user \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-id 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12`,
	}}},
	{Operation: "PutEventsConfiguration", Examples: []model.Example{{
		Purpose: "To have the events of a bot sent to a web address. As the value of an option, https:// would stand for the content of the address; inside JSON it does not:",
		Command: `aws chime put-events-configuration \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --bot-id 01931c74-5d28-7a94-b0e7-1f63c8d2a459 \
    --cli-input-json \
        '{"OutboundEventsHTTPSEndpoint": "https://bots.example.com/lunch"}'`,
		Output: `{
    "EventsConfiguration": {
        "BotId": "01931c74-5d28-7a94-b0e7-1f63c8d2a459",
        "OutboundEventsHTTPSEndpoint": "https://bots.example.com/lunch"
    }
}`,
	}}},
	{Operation: "PutRetentionSettings", Examples: []model.Example{{
		Purpose: "To keep the messages of chat rooms for a year. The quotes keep the shell from splitting the braces:",
		Command: `aws chime put-retention-settings \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --retention-settings 'RoomRetentionSettings={RetentionDays=365}'`,
	}}},
	{Operation: "RedactConversationMessage", Examples: []model.Example{{
		Purpose: "To remove the content of a message:",
		Command: `aws chime redact-conversation-message \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --conversation-id 01931c83-6e17-7c52-9ab4-0d8f3e71c6a5 \
    --message-id 01931c83-9d40-7f1e-8b62-e5a7c4093d18`,
	}}},
	{Operation: "RedactRoomMessage", Examples: []model.Example{{
		Purpose: "To remove the content of a message:",
		Command: `aws chime redact-room-message \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --room-id 01931c71-0b3e-7f60-8c2d-46a1b5e9d073 \
    --message-id 01931c83-9d40-7f1e-8b62-e5a7c4093d18`,
	}}},
	{Operation: "RegenerateSecurityToken", Examples: []model.Example{{
		Purpose: "To keep the new token of a bot in a file:",
		Command: `aws chime regenerate-security-token \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --bot-id 01931c74-5d28-7a94-b0e7-1f63c8d2a459 \
    --query Bot.SecurityToken --output text > lunch.token`,
	}}},
	{Operation: "ResetPersonalPIN", Examples: []model.Example{{
		Purpose: "To give a user a new PIN:",
		Command: `aws chime reset-personal-pin \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-id 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12 \
    --query User.PersonalPIN --output text`,
		Output: `8290361574`,
	}}},
	{Operation: "RestorePhoneNumber", Examples: []model.Example{{
		Purpose: "To restore a phone number:",
		Command: `aws chime restore-phone-number --phone-number-id +12065550100 --query PhoneNumber.Status`,
		Output:  `"Unassigned"`,
	}}},
	{Operation: "SearchAvailablePhoneNumbers", Examples: []model.Example{{
		Purpose: "To search for numbers in Seattle:",
		Command: `aws chime search-available-phone-numbers --city Seattle --state WA --max-results 2`,
		Output: `{
    "E164PhoneNumbers": [
        "+12065550100",
        "+12065550101"
    ],
    "NextToken": "bmV4dC1wYWdl"
}`,
	}, {
		Purpose: "To search for toll-free numbers in Italy:",
		Command: `aws chime search-available-phone-numbers --country IT --phone-number-type TollFree`,
	}}},
	{Operation: "UpdateAccount", Examples: []model.Example{{
		Purpose: "To give new users a Basic license:",
		Command: `aws chime update-account \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --default-license Basic \
    --query Account.DefaultLicense`,
		Output: `"Basic"`,
	}}},
	{Operation: "UpdateAccountSettings", Examples: []model.Example{{
		Purpose: "To forbid remote control, and allow calls from meetings to phones:",
		Command: `aws chime update-account-settings \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --account-settings DisableRemoteControl=true,EnableDialOut=true`,
	}}},
	{Operation: "UpdateBot", Examples: []model.Example{{
		Purpose: "To disable a bot:",
		Command: `aws chime update-bot \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --bot-id 01931c74-5d28-7a94-b0e7-1f63c8d2a459 \
    --disabled \
    --query Bot.Disabled`,
		Output: `true`,
	}}},
	{Operation: "UpdateGlobalSettings", Examples: []model.Example{{
		Purpose: "To keep the records of Business Calling, and stop those of Voice Connectors:",
		Command: `aws chime update-global-settings --business-calling CdrBucket=example-call-records --voice-connector CdrBucket=`,
	}}},
	{Operation: "UpdatePhoneNumber", Examples: []model.Example{{
		Purpose: "To change the calling name of a phone number:",
		Command: `aws chime update-phone-number \
    --phone-number-id +12065550100 \
    --calling-name "Example Corp" \
    --query PhoneNumber.CallingNameStatus`,
		Output: `"UpdateInProgress"`,
	}}},
	{Operation: "UpdatePhoneNumberSettings", Examples: []model.Example{{
		Purpose: "To set the default calling name:",
		Command: `aws chime update-phone-number-settings --calling-name "Example Corp"`,
	}}},
	{Operation: "UpdateRoom", Examples: []model.Example{{
		Purpose: "To rename a room:",
		Command: `aws chime update-room \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --room-id 01931c71-0b3e-7f60-8c2d-46a1b5e9d073 \
    --name "Release party" \
    --query Room.Name`,
		Output: `"Release party"`,
	}}},
	{Operation: "UpdateRoomMembership", Examples: []model.Example{{
		Purpose: "To make a member of a room its administrator:",
		Command: `aws chime update-room-membership \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --room-id 01931c71-0b3e-7f60-8c2d-46a1b5e9d073 \
    --member-id 01931c60-22f5-7d83-a1b6-90c4e2d7f358 \
    --role Administrator \
    --query RoomMembership.Role`,
		Output: `"Administrator"`,
	}}},
	{Operation: "UpdateUser", Examples: []model.Example{{
		Purpose: "To give a user a Basic license:",
		Command: `aws chime update-user \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-id 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12 \
    --license-type Basic \
    --query User.LicenseType`,
		Output: `"Basic"`,
	}}},
	{Operation: "UpdateUserSettings", Examples: []model.Example{{
		Purpose: "To let a user call, but not send text messages. The quotes keep the shell from splitting the braces:",
		Command: `aws chime update-user-settings \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-id 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12 \
    --user-settings \
        'Telephony={InboundCalling=true,OutboundCalling=true,SMS=false}'`,
	}}},
}
