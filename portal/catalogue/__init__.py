"""What can be found, by people and by software: our offers and those the portal knows from elsewhere, in one search."""
