package help

// example is a command line for a shell, and what it prints where that is worth seeing. Every
// one runs in a test as the page shows it, indented, against a service that checks the request
// by the contract; what it prints must be output byte for byte.
type example struct{ does, command, output string }

// examples returns the examples of an operation. The ids in them are made up, but those of the
// same thing are the same everywhere.
func examples(operation string) []example {
	for i := range exampleTable {
		if exampleTable[i].operation == operation {
			return exampleTable[i].examples
		}
	}
	return nil
}

var exampleTable = [...]struct {
	operation string
	examples  []example
}{
	{"AssociatePhoneNumberWithUser", []example{{
		does: "To give a user a phone number:",
		command: `aws chime associate-phone-number-with-user \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-id 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12 \
    --e164-phone-number +12065550100`,
	}}},
	{"AssociateSigninDelegateGroupsWithAccount", []example{{
		does: "To let two directory groups sign in shared devices:",
		command: `aws chime associate-signin-delegate-groups-with-account \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --signin-delegate-groups GroupName=front-desk GroupName="IT support"`,
	}}},
	{"BatchCreateRoomMembership", []example{{
		does: "To add an administrator and a member to a room:",
		command: `aws chime batch-create-room-membership \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --room-id 01931c71-0b3e-7f60-8c2d-46a1b5e9d073 \
    --membership-item-list \
        MemberId=01931c60-22f4-7c1a-8e55-3b9d7f0a4c12,Role=Administrator \
        MemberId=01931c60-22f5-7d83-a1b6-90c4e2d7f358`,
		output: `{
    "Errors": []
}`,
	}}},
	{"BatchDeletePhoneNumber", []example{{
		does:    "To give up two phone numbers, of which one is in use:",
		command: `aws chime batch-delete-phone-number --phone-number-ids +12065550100 +12065550101`,
		output: `{
    "PhoneNumberErrors": [
        {
            "PhoneNumberId": "+12065550101",
            "ErrorCode": "PhoneNumberAssociationsExist",
            "ErrorMessage": "The number is assigned to a user."
        }
    ]
}`,
	}}},
	{"BatchSuspendUser", []example{{
		does: "To suspend two users:",
		command: `aws chime batch-suspend-user \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-id-list 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12 \
        01931c60-22f5-7d83-a1b6-90c4e2d7f358`,
		output: `{
    "UserErrors": []
}`,
	}}},
	{"BatchUnsuspendUser", []example{{
		does: "To end the suspension of a user:",
		command: `aws chime batch-unsuspend-user \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-id-list 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12`,
		output: `{
    "UserErrors": []
}`,
	}}},
	{"BatchUpdatePhoneNumber", []example{{
		does: "To give two phone numbers the same calling name:",
		command: `aws chime batch-update-phone-number \
    --update-phone-number-request-items \
        PhoneNumberId=+12065550100,CallingName="Example Corp" \
        PhoneNumberId=+12065550101,CallingName="Example Corp"`,
		output: `{
    "PhoneNumberErrors": []
}`,
	}}},
	{"BatchUpdateUser", []example{{
		does: "To give one user a Basic and another a Pro license:",
		command: `aws chime batch-update-user \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --update-user-request-items \
        UserId=01931c60-22f4-7c1a-8e55-3b9d7f0a4c12,LicenseType=Basic \
        UserId=01931c60-22f5-7d83-a1b6-90c4e2d7f358,LicenseType=Pro`,
		output: `{
    "UserErrors": []
}`,
	}, {
		does: "To make a user the profile of a meeting room, with Alexa for Business. The quotes keep the shell from taking the braces apart:",
		command: `aws chime batch-update-user \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --update-user-request-items 'UserId=01931c60-22f4-7c1a-8e55-3b9d7f0a4c12,
        UserType=SharedDevice,
        AlexaForBusinessMetadata={IsAlexaForBusinessEnabled=true}'`,
		output: `{
    "UserErrors": []
}`,
	}, {
		does: "To give the input as JSON, which may as well be in a file: file://NAME. One of the users does not exist:",
		command: `aws chime batch-update-user --cli-input-json '{
    "AccountId": "01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27",
    "UpdateUserRequestItems": [
        {"UserId": "01931c60-22f4-7c1a-8e55-3b9d7f0a4c12", "LicenseType": "Pro"},
        {"UserId": "no-such-user", "LicenseType": "Pro"}
    ]
}'`,
		output: `{
    "UserErrors": [
        {
            "UserId": "no-such-user",
            "ErrorCode": "NotFound",
            "ErrorMessage": "There is no such user in the account."
        }
    ]
}`,
	}}},
	{"CreateAccount", []example{{
		does:    "To create an account:",
		command: `aws chime create-account --name "Example Corp"`,
		output: `{
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
	{"CreateBot", []example{{
		does: "To create a bot with an e-mail address in a given domain:",
		command: `aws chime create-bot \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --display-name Lunch \
    --domain example.com`,
		output: `{
    "Bot": {
        "BotId": "01931c74-5d28-7a94-b0e7-1f63c8d2a459",
        "UserId": "01931c74-5d28-7a94-b0e7-1f63c8d2a459",
        "DisplayName": "Lunch (Bot)",
        "BotType": "ChatBot",
        "Disabled": false,
        "CreatedTimestamp": "2026-03-02T09:38:21.640Z",
        "UpdatedTimestamp": "2026-03-02T09:38:21.640Z",
        "BotEmail": "Lunch-chimebot@example.com",
        "SecurityToken": "b3VyLW93bi1zYW1wbGUtdG9rZW4tbm90LXJlYWw="
    }
}`,
	}}},
	{"CreateMeetingDialOut", []example{{
		does: "To bring a phone into a meeting:",
		command: `aws chime create-meeting-dial-out \
    --meeting-id 9c4d7e21-36b8-4f05-a1d2-c87e5b90f463 \
    --from-phone-number +12065550100 \
    --to-phone-number +12065550199 \
    --join-token c2FtcGxlLWpvaW4tdG9rZW4`,
		output: `{
    "TransactionId": "5e0f8c3a-92d1-4b67-8a3e-f41c6d7b20e9"
}`,
	}}},
	{"CreatePhoneNumberOrder", []example{{
		does: "To order two phone numbers:",
		command: `aws chime create-phone-number-order \
    --product-type BusinessCalling \
    --e164-phone-numbers +12065550100 +12065550101`,
		output: `{
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
	{"CreateRoom", []example{{
		does: "To create a room:",
		command: `aws chime create-room \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --name "Release planning"`,
		output: `{
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
	{"CreateRoomMembership", []example{{
		does: "To make a user the administrator of a room:",
		command: `aws chime create-room-membership \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --room-id 01931c71-0b3e-7f60-8c2d-46a1b5e9d073 \
    --member-id 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12 \
    --role Administrator`,
	}}},
	{"CreateUser", []example{{
		does: "To set up a shared device:",
		command: `aws chime create-user \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --username "Room 4.12" \
    --email room-4-12@example.com \
    --user-type SharedDevice`,
		output: `{
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
	{"DeleteAccount", []example{{
		does:    "To delete an account:",
		command: `aws chime delete-account --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27`,
	}}},
	{"DeleteEventsConfiguration", []example{{
		does: "To stop the events of a bot:",
		command: `aws chime delete-events-configuration \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --bot-id 01931c74-5d28-7a94-b0e7-1f63c8d2a459`,
	}}},
	{"DeletePhoneNumber", []example{{
		does:    "To give up a phone number:",
		command: `aws chime delete-phone-number --phone-number-id +12065550100`,
	}}},
	{"DeleteRoom", []example{{
		does: "To delete a room:",
		command: `aws chime delete-room \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --room-id 01931c71-0b3e-7f60-8c2d-46a1b5e9d073`,
	}}},
	{"DeleteRoomMembership", []example{{
		does: "To remove a member from a room:",
		command: `aws chime delete-room-membership \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --room-id 01931c71-0b3e-7f60-8c2d-46a1b5e9d073 \
    --member-id 01931c60-22f5-7d83-a1b6-90c4e2d7f358`,
	}}},
	{"DisassociatePhoneNumberFromUser", []example{{
		does: "To take the phone number from a user:",
		command: `aws chime disassociate-phone-number-from-user \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-id 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12`,
	}}},
	{"DisassociateSigninDelegateGroupsFromAccount", []example{{
		does: "To take the right to sign in shared devices from a directory group:",
		command: `aws chime disassociate-signin-delegate-groups-from-account \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --group-names front-desk`,
	}}},
	{"GetAccount", []example{{
		does: "To see the licenses that an account supports:",
		command: `aws chime get-account \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --query Account.SupportedLicenses`,
		output: `[
    "Basic",
    "Pro"
]`,
	}}},
	{"GetAccountSettings", []example{{
		does:    "To see the settings of an account:",
		command: `aws chime get-account-settings --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27`,
		output: `{
    "AccountSettings": {
        "DisableRemoteControl": false,
        "EnableDialOut": false
    }
}`,
	}}},
	{"GetBot", []example{{
		does: "To see the e-mail address of a bot:",
		command: `aws chime get-bot \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --bot-id 01931c74-5d28-7a94-b0e7-1f63c8d2a459 \
    --query Bot.BotEmail --output text`,
		output: `Lunch-chimebot@example.com`,
	}}},
	{"GetEventsConfiguration", []example{{
		does: "To see where the events of a bot are sent:",
		command: `aws chime get-events-configuration \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --bot-id 01931c74-5d28-7a94-b0e7-1f63c8d2a459`,
		output: `{
    "EventsConfiguration": {
        "BotId": "01931c74-5d28-7a94-b0e7-1f63c8d2a459",
        "OutboundEventsHTTPSEndpoint": "https://bots.example.com/lunch"
    }
}`,
	}}},
	{"GetGlobalSettings", []example{{
		does:    "To see where call detail records are kept:",
		command: `aws chime get-global-settings`,
		output: `{
    "BusinessCalling": {
        "CdrBucket": "example-call-records"
    },
    "VoiceConnector": {}
}`,
	}}},
	{"GetPhoneNumber", []example{{
		does:    "To see the status of a phone number:",
		command: `aws chime get-phone-number --phone-number-id +12065550100 --query PhoneNumber.Status`,
		output:  `"Assigned"`,
	}}},
	{"GetPhoneNumberOrder", []example{{
		does: "To see how far an order has come:",
		command: `aws chime get-phone-number-order \
    --phone-number-order-id 7b2a95d0-1c6e-4d38-9f84-e05b3c7a6142 \
    --query PhoneNumberOrder.Status --output text`,
		output: `Successful`,
	}}},
	{"GetPhoneNumberSettings", []example{{
		does:    "To see the default calling name:",
		command: `aws chime get-phone-number-settings`,
		output: `{
    "CallingName": "Example Corp",
    "CallingNameUpdatedTimestamp": "2026-03-02T10:02:17.733Z"
}`,
	}}},
	{"GetRetentionSettings", []example{{
		does:    "To see how long messages are kept:",
		command: `aws chime get-retention-settings --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27`,
		output: `{
    "RetentionSettings": {
        "RoomRetentionSettings": {
            "RetentionDays": 365
        },
        "ConversationRetentionSettings": {}
    },
    "InitiateDeletionTimestamp": "2026-04-01T10:10:52.301Z"
}`,
	}}},
	{"GetRoom", []example{{
		does: "To see the name of a room:",
		command: `aws chime get-room \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --room-id 01931c71-0b3e-7f60-8c2d-46a1b5e9d073 \
    --query Room.Name`,
		output: `"Release planning"`,
	}}},
	{"GetUser", []example{{
		does: "To see a user:",
		command: `aws chime get-user \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-id 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12`,
		output: `{
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
	{"GetUserSettings", []example{{
		does: "To see what a user may do with a phone number:",
		command: `aws chime get-user-settings \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-id 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12`,
		output: `{
    "UserSettings": {
        "Telephony": {
            "InboundCalling": true,
            "OutboundCalling": true,
            "SMS": false
        }
    }
}`,
	}}},
	{"InviteUsers", []example{{
		does: "To invite two people:",
		command: `aws chime invite-users \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-email-list ana@example.com bo@example.com`,
		output: `{
    "Invites": [
        {
            "InviteId": "01931c60-22f3-7b48-8d07-c2e94a5f6b31",
            "Status": "Pending",
            "EmailAddress": "ana@example.com",
            "EmailStatus": "Sent"
        },
        {
            "InviteId": "01931c60-22f4-7009-b5e3-7a18d6c0f92e",
            "Status": "Pending",
            "EmailAddress": "bo@example.com",
            "EmailStatus": "Sent"
        }
    ]
}`,
	}}},
	{"ListAccounts", []example{{
		does:    "To find the id of an account by its name:",
		command: `aws chime list-accounts --name "Example Corp" --query Accounts[].AccountId --output text`,
		output:  `01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27`,
	}, {
		does:    "To see the first account only:",
		command: `aws chime list-accounts --max-items 1 --query "Accounts[].[Name,AccountType]"`,
		output: `[
    [
        "Example Corp",
        "Team"
    ]
]`,
	}}},
	{"ListBots", []example{{
		does: "To see which bots are disabled:",
		command: `aws chime list-bots \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --max-results 99 \
    --query "Bots[?Disabled].DisplayName"`,
		output: `[]`,
	}}},
	{"ListPhoneNumberOrders", []example{{
		does:    "To see the latest order:",
		command: `aws chime list-phone-number-orders --max-results 1 --query PhoneNumberOrders[0].Status`,
		output:  `"Partial"`,
	}}},
	{"ListPhoneNumbers", []example{{
		does: "To see which phone numbers the users of an account have:",
		command: `aws chime list-phone-numbers \
    --status Assigned \
    --filter-name AccountId \
    --filter-value 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --query PhoneNumbers[].E164PhoneNumber`,
		output: `[
    "+12065550100"
]`,
	}}},
	{"ListRoomMemberships", []example{{
		does: "To see the members of a room:",
		command: `aws chime list-room-memberships \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --room-id 01931c71-0b3e-7f60-8c2d-46a1b5e9d073 \
    --query "RoomMemberships[].{who: Member.FullName, role: Role}"`,
		output: `[
    {
        "who": "Ana",
        "role": "Administrator"
    },
    {
        "who": "Lunch (Bot)",
        "role": "Member"
    }
]`,
	}}},
	{"ListRooms", []example{{
		does: "To see the rooms that a user is in:",
		command: `aws chime list-rooms \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --member-id 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12 \
    --query Rooms[].Name`,
		output: `[
    "Release planning"
]`,
	}}},
	{"ListSupportedPhoneNumberCountries", []example{{
		does:    "To see where numbers for Business Calling can be had:",
		command: `aws chime list-supported-phone-number-countries --product-type BusinessCalling`,
		output: `{
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
	{"ListUsers", []example{{
		does: "To see who has a Pro license:",
		command: `aws chime list-users \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --query "Users[?LicenseType=='Pro'].[UserId,PrimaryEmail]" --output text`,
		output: "01931c60-22f4-7c1a-8e55-3b9d7f0a4c12\tana@example.com\n" +
			"01931c60-22f5-7d83-a1b6-90c4e2d7f358\tbo@example.com",
	}, {
		does: "To find the id of a user by the e-mail address:",
		command: `aws chime list-users \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-email ana@example.com \
    --query Users[0].UserId`,
		output: `"01931c60-22f4-7c1a-8e55-3b9d7f0a4c12"`,
	}}},
	{"LogoutUser", []example{{
		does: "To sign a user out on all devices:",
		command: `aws chime logout-user \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-id 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12`,
	}}},
	{"PutEventsConfiguration", []example{{
		does: "To have the events of a bot sent to a web address. As the value of an option, https:// would stand for what is found there; inside of JSON it does not:",
		command: `aws chime put-events-configuration \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --bot-id 01931c74-5d28-7a94-b0e7-1f63c8d2a459 \
    --cli-input-json \
        '{"OutboundEventsHTTPSEndpoint": "https://bots.example.com/lunch"}'`,
		output: `{
    "EventsConfiguration": {
        "BotId": "01931c74-5d28-7a94-b0e7-1f63c8d2a459",
        "OutboundEventsHTTPSEndpoint": "https://bots.example.com/lunch"
    }
}`,
	}}},
	{"PutRetentionSettings", []example{{
		does: "To keep the messages of chat rooms for a year. The quotes keep the shell from taking the braces apart:",
		command: `aws chime put-retention-settings \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --retention-settings 'RoomRetentionSettings={RetentionDays=365}'`,
	}}},
	{"RedactConversationMessage", []example{{
		does: "To remove the content of a message:",
		command: `aws chime redact-conversation-message \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --conversation-id 01931c83-6e17-7c52-9ab4-0d8f3e71c6a5 \
    --message-id 01931c83-9d40-7f1e-8b62-e5a7c4093d18`,
	}}},
	{"RedactRoomMessage", []example{{
		does: "To remove the content of a message:",
		command: `aws chime redact-room-message \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --room-id 01931c71-0b3e-7f60-8c2d-46a1b5e9d073 \
    --message-id 01931c83-9d40-7f1e-8b62-e5a7c4093d18`,
	}}},
	{"RegenerateSecurityToken", []example{{
		does: "To keep the new token of a bot in a file:",
		command: `aws chime regenerate-security-token \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --bot-id 01931c74-5d28-7a94-b0e7-1f63c8d2a459 \
    --query Bot.SecurityToken --output text > lunch.token`,
	}}},
	{"ResetPersonalPIN", []example{{
		does: "To give a user a new PIN:",
		command: `aws chime reset-personal-pin \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-id 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12 \
    --query User.PersonalPIN --output text`,
		output: `8290361574`,
	}}},
	{"RestorePhoneNumber", []example{{
		does:    "To take a phone number back:",
		command: `aws chime restore-phone-number --phone-number-id +12065550100 --query PhoneNumber.Status`,
		output:  `"Unassigned"`,
	}}},
	{"SearchAvailablePhoneNumbers", []example{{
		does:    "To search for numbers in Seattle:",
		command: `aws chime search-available-phone-numbers --city Seattle --state WA --max-results 2`,
		output: `{
    "E164PhoneNumbers": [
        "+12065550100",
        "+12065550101"
    ],
    "NextToken": "bmV4dC1wYWdl"
}`,
	}, {
		does:    "To search for toll-free numbers in Italy:",
		command: `aws chime search-available-phone-numbers --country IT --phone-number-type TollFree`,
	}}},
	{"UpdateAccount", []example{{
		does: "To give new users a Basic license:",
		command: `aws chime update-account \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --default-license Basic \
    --query Account.DefaultLicense`,
		output: `"Basic"`,
	}}},
	{"UpdateAccountSettings", []example{{
		does: "To forbid remote control, and allow dialing out of meetings:",
		command: `aws chime update-account-settings \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --account-settings DisableRemoteControl=true,EnableDialOut=true`,
	}}},
	{"UpdateBot", []example{{
		does: "To disable a bot:",
		command: `aws chime update-bot \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --bot-id 01931c74-5d28-7a94-b0e7-1f63c8d2a459 \
    --disabled \
    --query Bot.Disabled`,
		output: `true`,
	}}},
	{"UpdateGlobalSettings", []example{{
		does:    "To keep the records of Business Calling, and stop those of Voice Connectors:",
		command: `aws chime update-global-settings --business-calling CdrBucket=example-call-records --voice-connector CdrBucket=`,
	}}},
	{"UpdatePhoneNumber", []example{{
		does: "To change the calling name of a phone number:",
		command: `aws chime update-phone-number \
    --phone-number-id +12065550100 \
    --calling-name "Example Corp" \
    --query PhoneNumber.CallingNameStatus`,
		output: `"UpdateInProgress"`,
	}}},
	{"UpdatePhoneNumberSettings", []example{{
		does:    "To set the default calling name:",
		command: `aws chime update-phone-number-settings --calling-name "Example Corp"`,
	}}},
	{"UpdateRoom", []example{{
		does: "To rename a room:",
		command: `aws chime update-room \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --room-id 01931c71-0b3e-7f60-8c2d-46a1b5e9d073 \
    --name "Release party" \
    --query Room.Name`,
		output: `"Release party"`,
	}}},
	{"UpdateRoomMembership", []example{{
		does: "To make a member of a room its administrator:",
		command: `aws chime update-room-membership \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --room-id 01931c71-0b3e-7f60-8c2d-46a1b5e9d073 \
    --member-id 01931c60-22f5-7d83-a1b6-90c4e2d7f358 \
    --role Administrator \
    --query RoomMembership.Role`,
		output: `"Administrator"`,
	}}},
	{"UpdateUser", []example{{
		does: "To give a user a Basic license:",
		command: `aws chime update-user \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-id 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12 \
    --license-type Basic \
    --query User.LicenseType`,
		output: `"Basic"`,
	}}},
	{"UpdateUserSettings", []example{{
		does: "To let a user call, but not send text messages. The quotes keep the shell from taking the braces apart:",
		command: `aws chime update-user-settings \
    --account-id 01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27 \
    --user-id 01931c60-22f4-7c1a-8e55-3b9d7f0a4c12 \
    --user-settings \
        'Telephony={InboundCalling=true,OutboundCalling=true,SMS=false}'`,
	}}},
}
