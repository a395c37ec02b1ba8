package carillon

// talkScene gives somebody a phone number, and opens a room with a bot in it. The account must have
// people of example.com, the first of whom is Ana.
func (d *demonstration) talkScene(account, ana string) {
	here := words("--account-id", account)
	d.say("The operator says what no API does: Ana has signed up, the domain belongs to the\naccount, and which phone numbers there are.")
	d.carillon(0, words("user register --email ana.silva@example.com"), here)
	d.carillon(0, words("domain claim example.com"), here)
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
