// Buses
