package carillon

import "github.com/spf13/cobra"

// messageCommand declares `carillon message`.
func (p *program) messageCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "message",
		Short: "write and list messages of rooms and conversations",
		Long: `Do what people did in Amazon Chime itself: write messages in chat rooms and
conversations, and read them. The API can only redact messages.`,
	}
	c.AddCommand(p.messageAddCommand(), p.messageListCommand())
	return c
}

// messageOptions name a room or a conversation.
type messageOptions struct {
	accountOptions
	Room         string // an id, or else
	Conversation string
}

// flags declares the options. The own flags of a command come after, in the first group.
func (o *messageOptions) flags(p *program, c *cobra.Command, formats ...string) *flags {
	f := flagsOf(c)
	f.text(&o.Account, "account-id ACCOUNT", "account of the room or the conversation, by its id or its name", required, completedBy(p.storeAccounts(&o.database)))
	f.text(&o.Room, "room ID", "chat room of the account")
	f.text(&o.Conversation, "conversation ID", "or conversation that users of the account are in")
	outputFlag(f, &o.Format, formats...)
	o.database.flags(f)
	f.group(ownFlags)
	return f
}

// check refuses a line that names no discussion, or two.
func (o *messageOptions) check(p *program) error {
	if (o.Room == "") == (o.Conversation == "") {
		return p.misused("give one of --room and --conversation")
	}
	return nil
}
