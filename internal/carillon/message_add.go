package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
)

type messageAddOptions struct {
	messageOptions
	Members texts
	Sender  string
	At      moment
}

// messageAddCommand declares `carillon message add`.
func (p *program) messageAddCommand() *cobra.Command {
	var o messageAddOptions
	c := &cobra.Command{
		Use:   "add TEXT",
		Short: "write a message in a room or a conversation",
		Long: `Write a message in a chat room or a conversation, and print its id.

In a room, the sender must be a member. An id of a conversation that the account
does not know begins a conversation. Whoever speaks there, or is named by
--member, is in it from then on: users of the account, by their ids or e-mail
addresses, and users of other accounts, by their addresses.` + besideService + `
It does not tell the text.`,
		Example: `carillon message add --account-id Acme --room "$ROOM" \
    --sender ana@example.com "Lunch?"
carillon message add --account-id Acme --conversation lunch \
    --sender ana@example.com --member bo@example.com "Lunch?"`,
		RunE: func(c *cobra.Command, words []string) error { return p.addMessage(c.Context(), o, words[0]) },
	}
	f := o.messageOptions.flags(p, c, formatJSON, formatTable)
	f.text(&o.Sender, "sender USER", "user who writes it, by an id or an e-mail address", required)
	f.add(&o.Members, "member USER", "user who is in the conversation, too; may be repeated", nil)
	parsed(f, &o.At, before, "at WHEN", "", "when it was written: a date (which begins at midnight UTC), a time, or a duration before now such as 7d or 12h (default now)")
	return c
}

func (p *program) addMessage(ctx context.Context, o messageAddOptions, text string) error {
	if err := o.check(p); err != nil {
		return err
	}
	return p.onStore(ctx, o.database, func(st openStore) error {
		op := st.operator()
		account, err := findAccount(ctx, op, o.Account)
		if err != nil {
			return err
		}
		id, err := op.AddMessage(ctx, directory.NewMessage{
			AccountID: account.ID, RoomID: o.Room, ConversationID: o.Conversation, Members: o.Members.list,
			Sender: o.Sender, Sent: o.At.by(st.now()), Content: text,
		})
		if err != nil {
			return err
		}
		made := document.NewObject(document.Member{Key: "MessageId", Value: id})
		if o.Conversation != "" {
			made.Set("ConversationId", o.Conversation)
		}
		return p.print(o.Format, "AddMessage", made)
	})
}
