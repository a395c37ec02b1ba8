// Package e164 says what the digits of a telephone number tell. Numbers are written as in E.164,
// with a plus sign: "+12065550100". Start with [Country].
package e164

import (
	"cmp"
	"slices"
	"strings"
)

// Country returns the country of a number by two letters, or "" if the digits do not tell. It knows
// North America, and the other countries that Amazon Chime had numbers of.
func Country(number string) string {
	digits := strings.TrimPrefix(number, "+")
	if strings.HasPrefix(digits, "1") {
		if len(digits) < 4 {
			return "US"
		}
		return cmp.Or(areaCountries[digits[1:4]], "US")
	}
	for _, length := range []int{2, 3} {
		if len(digits) >= length && callingCodes[digits[:length]] != "" {
			return callingCodes[digits[:length]]
		}
	}
	return ""
}

// Knows reports whether [Country] ever returns a country.
func Knows(country string) bool {
	for _, known := range []map[string]string{callingCodes, areaCountries, {"": "US"}} {
		for _, c := range known {
			if c == country {
				return true
			}
		}
	}
	return false
}

// AreaCode returns the area code of a number of North America, or "" for any other.
func AreaCode(number string) string {
	if !strings.HasPrefix(number, "+1") || len(number) != len("+12065550100") {
		return ""
	}
	return number[2:5]
}

// TollFree reports whether the digits of a number of North America tell that calls are free.
func TollFree(number string) bool {
	return len(number) > 5 && strings.HasPrefix(number, "+18") && slices.Contains(tollFreeCodes, number[2:5])
}

// Type returns "TollFree" for a number that [TollFree] knows, and "Local" for any other.
func Type(number string) string {
	if TollFree(number) {
		return "TollFree"
	}
	return "Local"
}

var tollFreeCodes = []string{"800", "833", "844", "855", "866", "877", "888"}

// callingCodes has the countries outside North America.
var callingCodes = map[string]string{
	"61": "AU", "43": "AT", "41": "CH", "49": "DE", "45": "DK", "358": "FI", "44": "GB", "353": "IE", "39": "IT", "82": "KR",
	"234": "NG", "64": "NZ", "46": "SE",
}

// areaCountries has the countries of the area codes of North America that are not in the United
// States.
var areaCountries = func() map[string]string {
	countries := make(map[string]string)
	for country, codes := range map[string]string{
		"PR": "787 939",
		"CA": "204 226 236 249 250 257 263 289 306 343 354 365 367 368 382 387 403 416 418 428 431 437 438 450 460 468 474 506 514 519 " +
			"537 548 568 579 581 584 587 600 604 613 622 639 647 672 683 705 709 728 742 753 778 780 782 807 819 825 867 873 879 902 905 942",
		"AG": "268", "AI": "264", "AS": "684", "BB": "246", "BM": "441", "BS": "242", "DM": "767", "DO": "809 829 849", "GD": "473",
		"GU": "671", "JM": "658 876", "KN": "869", "KY": "345", "LC": "758", "MP": "670", "MS": "664", "SX": "721", "TC": "649", "TT": "868",
		"VC": "784", "VG": "284", "VI": "340",
	} {
		for code := range strings.FieldsSeq(codes) {
			countries[code] = country
		}
	}
	return countries
}()
