"""What proves who somebody is, one folder for each factor."""
