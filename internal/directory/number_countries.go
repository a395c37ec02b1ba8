package directory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

// Which numbers there are for which product. Puerto Rico counts with the United States.

var (
	local       = []api.PhoneNumberType{api.PhoneNumberTypeLocal}
	tollFree    = []api.PhoneNumberType{api.PhoneNumberTypeTollFree}
	anyOfNumber = []api.PhoneNumberType{api.PhoneNumberTypeLocal, api.PhoneNumberTypeTollFree}
)

// offer is what a product has of a country.
type offer struct {
	country string
	types   []api.PhoneNumberType
}

// offers are the countries of each product, in the order in which they are listed.
func offers(product api.PhoneNumberProductType) []offer {
	switch product {
	case api.PhoneNumberProductTypeBusinessCalling:
		return []offer{{"US", local}, {"PR", local}}
	case api.PhoneNumberProductTypeVoiceConnector:
		return []offer{{"US", anyOfNumber}, {"PR", anyOfNumber}}
	}
	return []offer{
		{"US", anyOfNumber}, {"AU", anyOfNumber}, {"AT", anyOfNumber}, {"CA", anyOfNumber}, {"CH", anyOfNumber}, {"DE", anyOfNumber},
		{"DK", anyOfNumber}, {"FI", anyOfNumber}, {"GB", anyOfNumber}, {"IE", anyOfNumber}, {"IT", anyOfNumber}, {"KR", tollFree},
		{"NG", local}, {"NZ", anyOfNumber}, {"SE", anyOfNumber},
	}
}

// unfit says why a number cannot be used for a product, "" if it can. A country or a type that is
// empty is not known.
func unfit(product api.PhoneNumberProductType, country, numberType string) string {
	all := offers(product)
	i := slices.IndexFunc(all, func(o offer) bool { return o.country == country })
	switch {
	case i < 0 && country == "" && product == api.PhoneNumberProductTypeSipMediaApplicationDialIn:
		return ""
	case i < 0:
		return fmt.Sprintf("product type %s has no numbers of country %s", product, cmp.Or(country, "unknown"))
	case numberType != "" && !slices.Contains(all[i].types, api.PhoneNumberType(numberType)):
		return fmt.Sprintf("product type %s has no %s numbers of country %s", product, numberType, country)
	}
	return ""
}

// ListSupportedPhoneNumberCountries lists the countries that a product has numbers of, and which.
// What the AWS account may not use is left out; a restriction of the product as a whole is an
// error.
func (s *Service) ListSupportedPhoneNumberCountries(ctx context.Context, in *api.ListSupportedPhoneNumberCountriesInput) (*api.ListSupportedPhoneNumberCountriesOutput, error) {
	return read(ctx, s, func(tx store.ReadTx, caller Caller) (*api.ListSupportedPhoneNumberCountriesOutput, error) {
		if err := restricted(tx, caller.AWSAccountID, in.ProductType, ""); err != nil {
			return nil, err
		}
		restrictions, err := tx.PhoneNumberRestrictions(caller.AWSAccountID)
		if err != nil {
			return nil, err
		}
		out := &api.ListSupportedPhoneNumberCountriesOutput{PhoneNumberCountries: []api.PhoneNumberCountry{}}
		for _, o := range offers(in.ProductType) {
			if permitted(restrictions, in.ProductType, o.country) {
				out.PhoneNumberCountries = append(out.PhoneNumberCountries, api.PhoneNumberCountry{CountryCode: new(o.country), SupportedPhoneNumberTypes: o.types})
			}
		}
		return out, nil
	})
}

// SearchAvailablePhoneNumbers pages through the numbers of the pool that can be ordered, by number.
// It reserves none.
func (s *Service) SearchAvailablePhoneNumbers(ctx context.Context, in *api.SearchAvailablePhoneNumbersInput) (*api.SearchAvailablePhoneNumbersOutput, error) {
	filter, contradicts, err := poolFilter(in)
	if err != nil {
		return nil, err
	}
	return read(ctx, s, func(tx store.ReadTx, caller Caller) (*api.SearchAvailablePhoneNumbersOutput, error) {
		list := s.listing("SearchAvailablePhoneNumbers", caller.AWSAccountID, filter.Country, filter.Type, filter.AreaCode,
			filter.State, strings.ToLower(filter.City))
		after, err := list.after(in.NextToken)
		if err != nil {
			return nil, err
		}
		if err := restricted(tx, caller.AWSAccountID, "", filter.Country); err != nil {
			return nil, err
		}
		out := &api.SearchAvailablePhoneNumbersOutput{E164PhoneNumbers: []string{}}
		if contradicts {
			return out, nil
		}
		numbers, next, err := tx.ListPool(filter, after, pageSize(in.MaxResults, numberPage))
		if err != nil {
			return nil, err
		}
		out.NextToken = list.token(next)
		for _, n := range numbers {
			out.E164PhoneNumbers = append(out.E164PhoneNumbers, n.Number)
		}
		return out, nil
	})
}

// poolFilter checks what is searched for; no number is what contradicts itself. A search of Puerto
// Rico may have the form of either side: the reference has it among the other countries.
func poolFilter(in *api.SearchAvailablePhoneNumbersInput) (filter store.PoolFilter, contradicts bool, err error) {
	country := cmp.Or(orEmpty(in.Country), "US")
	filter = store.PoolFilter{
		Available: true,
		Country:   country,
		Type:      string(in.PhoneNumberType),
		AreaCode:  strings.TrimSpace(orEmpty(in.AreaCode)),
		State:     strings.ToUpper(strings.TrimSpace(orEmpty(in.State))),
		City:      strings.TrimSpace(orEmpty(in.City)),
	}
	prefix := orEmpty(in.TollFreePrefix) // which is the area code of such a number
	contradicts = prefix != "" && filter.AreaCode != "" && filter.AreaCode != prefix
	filter.AreaCode = cmp.Or(filter.AreaCode, prefix)
	somewhere := filter.AreaCode != "" || filter.State != "" || filter.City != ""
	switch {
	case country == "US" && !somewhere:
		return filter, false, api.BadRequest("A search of country US needs AreaCode, City with State, State, or TollFreePrefix")
	case country != "US" && country != "PR" && somewhere:
		return filter, false, api.BadRequest("A search of country %s takes PhoneNumberType only, not AreaCode, City, State or TollFreePrefix", country)
	case country != "US" && !somewhere && filter.Type == "":
		return filter, false, api.BadRequest("A search of country %s needs PhoneNumberType", country)
	case filter.City != "" && filter.State == "":
		return filter, false, api.BadRequest("A search by City needs State, too")
	}
	return filter, contradicts, nil
}
