// Package chimesdk is the contracts of the five services that took the place of most of Amazon
// Chime: identities, media pipelines, meetings, messaging and voice of the Amazon Chime SDK.
//
// Start at [Services]. The models are in the folder of that name; the program in extract took them
// from public ones. The program in gen turns them into the flat form that the package embeds.
package chimesdk

//go:generate go run ./gen
