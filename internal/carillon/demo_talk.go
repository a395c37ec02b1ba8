package carillon

// talkScene gives somebody a phone number, and opens a room with a bot in it.
func (d *demonstration) talkScene() {
	d.say("The operator says what no API does: that an account is an Enterprise account with a domain\nof its own, that Ana has signed up there, and which phone numbers there are.")
	here := words("--account-id", "Example Lab")
	d.carillon(0, words("account create --type EnterpriseLWA --name", "Example Lab"))
	d.carillon(0, words("domain claim example.net"), here)
	d.carillon(0, words("user register --email ana@example.net"), here)
	account := d.pick("Accounts[0].AccountId", d.quiet(words("chime list-accounts --name", "Example Lab")))
	here = words("--account-id", account)
	ana := d.pick("Users[0].UserId", d.quiet(words("chime list-users", here...)))
	d.carillon(0, words("number add +12065550100"))

	d.say("A number for Ana.")
	order := d.pick("PhoneNumberOrder.PhoneNumberOrderId", d.aws(words("chime create-phone-number-order --product-type BusinessCalling --e164-phone-numbers +12065550100")))
	for d.err == nil {
		if d.pick("PhoneNumberOrder.Status", d.quiet(words("chime get-phone-number-order --phone-number-order-id", order))) != "Processing" {
			break
		}
	}
	d.aws(words("chime associate-phone-number-with-user"), here, words("--user-id", ana, "--e164-phone-number", "+12065550100"))
	d.aws(words("chime get-user"), here, words("--user-id", ana), words("--query User.[DisplayName,PrimaryProvisionedNumber] --output text"))

	d.say("A chat room with Ana and a bot.")
	bot := d.pick("Bot.BotId", d.aws(words("chime create-bot --display-name Lunch"), here))
	d.aws(words("chime put-events-configuration"), here, words("--bot-id", bot),
		words("--lambda-function-arn arn:aws:lambda:us-east-1:111122223333:function:lunch"))
	room := d.pick("Room.RoomId", d.aws(words("chime create-room --name Lunch"), here))
	d.aws(words("chime batch-create-room-membership"), here, words("--room-id", room),
		words("--membership-item-list", "MemberId="+ana+",Role=Administrator", "MemberId="+bot))
	d.aws(words("chime list-room-memberships"), here, words("--room-id", room),
		words("--query RoomMemberships[].Member.[MemberType,FullName,Email] --output text"))
}
