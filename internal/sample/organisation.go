// SPDX-License-Identifier: AGPL-3.0-or-later

package sample

import (
	"fmt"

	"github.com/google/uuid"
)

// Organisation is a client of the service that runs a front office.
type Organisation struct {
	Name      string
	Latitude  float64 // degrees, north is positive
	Longitude float64 // degrees, east is positive
	Sharing   bool    // whether its stats may be pushed to other instances
	Local     bool    // false: its stats came from another instance

	analyses []uuid.UUID
}

// Analyses returns the ids of the organisation's analyses by index.
func (o Organisation) Analyses() []uuid.UUID {
	return append([]uuid.UUID(nil), o.analyses...)
}

// places are descriptive names with the coordinates of a town in or around
// Luxembourg where such an organisation could be.
var places = []Organisation{
	{Name: "Municipality Nord", Latitude: 49.868, Longitude: 6.157},            // Diekirch
	{Name: "Regional Hospital", Latitude: 49.684, Longitude: 5.816},            // Arlon
	{Name: "Secondary School Network", Latitude: 49.119, Longitude: 6.176},     // Metz
	{Name: "Water Utility", Latitude: 49.757, Longitude: 6.641},                // Trier
	{Name: "Public Transport Operator", Latitude: 50.851, Longitude: 5.691},    // Maastricht
	{Name: "Energy Supplier", Latitude: 49.496, Longitude: 5.981},              // Esch-sur-Alzette
	{Name: "University Campus", Latitude: 50.633, Longitude: 5.568},            // Liège
	{Name: "Insurance Mutual", Latitude: 48.573, Longitude: 7.752},             // Strasbourg
	{Name: "Engineering Works", Latitude: 49.240, Longitude: 6.997},            // Saarbrücken
	{Name: "Logistics Centre", Latitude: 51.370, Longitude: 6.172},             // Venlo
	{Name: "Social Care Home", Latitude: 49.681, Longitude: 6.441},             // Grevenmacher
	{Name: "Chamber of Crafts", Latitude: 50.467, Longitude: 4.867},            // Namur
	{Name: "Research Institute", Latitude: 48.692, Longitude: 6.184},           // Nancy
	{Name: "Savings Bank", Latitude: 50.776, Longitude: 6.084},                 // Aachen
	{Name: "Data Centre Operator", Latitude: 51.441, Longitude: 5.470},         // Eindhoven
	{Name: "Waste Management Association", Latitude: 49.518, Longitude: 6.102}, // Bettembourg
}

// newOrganisation returns the organisation with an index. If there are more than places,
// names are numbered and coordinates move a little.
func newOrganisation(index int, analyses []uuid.UUID) Organisation {
	round := index / len(places)
	o := places[index%len(places)]
	if round > 0 {
		o.Name = fmt.Sprintf("%s %d", o.Name, round+1)
		o.Latitude += 0.05 * float64(round%10)
		o.Longitude += 0.03 * float64(round/10%10)
	}
	o.Sharing = index%5 != 2
	o.Local = index%4 != 3
	o.analyses = analyses
	return o
}
