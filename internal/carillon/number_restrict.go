package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
)

type numberRestrictOptions struct {
	database
	AWSAccountID string
	ProductType  string // empty for all
	Country      string // empty for all
	Format       string
}

// numberRestrictCommand declares `carillon number restrict`.
func (p *program) numberRestrictCommand() *cobra.Command {
	return p.restrictionCommand("RestrictNumbers", (*directory.Operator).RestrictNumbers, &cobra.Command{
		Use:   "restrict",
		Short: "keep an AWS account from phone numbers",
		Long: `Keep an AWS account from phone numbers of a country, for a product type, or from
all: to search for them, order them and give them to users is denied from then on.
The numbers that it has stay.` + besideService,
		Example: `carillon number restrict --aws-account-id 111122223333 --country GB`,
	})
}

// restrictionCommand completes restrict and unrestrict: they differ in what they do. name is that
// of what they print.
func (p *program) restrictionCommand(name string, set func(*directory.Operator, context.Context, string, api.PhoneNumberProductType, string) error, c *cobra.Command) *cobra.Command {
	var o numberRestrictOptions
	c.RunE = func(c *cobra.Command, _ []string) error {
		return p.onStore(c.Context(), o.database, func(st openStore) error {
			if err := set(st.operator(), c.Context(), o.AWSAccountID, api.PhoneNumberProductType(o.ProductType), o.Country); err != nil {
				return err
			}
			about := document.NewObject(document.Member{Key: "AwsAccountId", Value: o.AWSAccountID})
			if o.ProductType != "" {
				about.Set("ProductType", o.ProductType)
			}
			if o.Country != "" {
				about.Set("Country", o.Country)
			}
			return p.print(o.Format, name, about)
		})
	}
	f := flagsOf(c)
	parsed(f, &o.AWSAccountID, awsAccountID, "aws-account-id ID", "", "AWS account, 12 digits", required)
	parsed(f, &o.ProductType, oneOf(productTypes), "product-type TYPE", "", "only numbers for this product type: BusinessCalling, VoiceConnector or SipMediaApplicationDialIn",
		completedBy(fixed(productTypes...)))
	f.text(&o.Country, "country CODE", "only numbers of this country, two letters such as US")
	outputFlag(f, &o.Format, formatJSON, formatTable)
	o.database.flags(f)
	return c
}
