package render

// eachImage calls visit with the image of every container anywhere in the
// object and stores what it returns.
func eachImage(value any, visit func(string) (string, error)) error {
	switch value := value.(type) {
	case map[string]any:
		for key, child := range value {
			if isContainerList(key) {
				if err := containerImages(child, visit); err != nil {
					return err
				}
			}
			if err := eachImage(child, visit); err != nil {
				return err
			}
		}
	case []any:
		for _, child := range value {
			if err := eachImage(child, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

func isContainerList(key string) bool {
	return key == "containers" || key == "initContainers" || key == "ephemeralContainers"
}

func containerImages(list any, visit func(string) (string, error)) error {
	containers, ok := list.([]any)
	if !ok {
		return nil
	}
	for _, entry := range containers {
		container, ok := entry.(map[string]any)
		if !ok {
			continue
		}
		image, ok := container["image"].(string)
		if !ok {
			continue
		}
		replaced, err := visit(image)
		if err != nil {
			return err
		}
		container["image"] = replaced
	}
	return nil
}
