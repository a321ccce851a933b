# A life cycle of what TestFlight needs, by spaceship's own functions with an API key. Nothing of spaceship is patched: a
# proxy and a CA lead it to the sandbox under Apple's names.
require "spaceship"

Api = Spaceship::ConnectAPI
Api.token = Api::Token.create(key_id: ENV["KEY_ID"], issuer_id: ENV["ISSUER_ID"], filepath: ENV["KEY_FILE"])

puts "bundle_ids=#{Api::BundleId.all.map(&:identifier).join(',')}"
puts "devices=#{Api::Device.all.count} certificates=#{Api::Certificate.all.count}"
profile = Api::Profile.all(includes: "bundleId,certificates,devices").first
puts "profile=#{profile.name} #{profile.profile_state} #{profile.profile_type}"

app = Api::App.find("com.example.courier")
puts "app=#{app.name}"
build = Api::Build.all(app_id: app.id).first
puts "build=#{build.version} #{build.processing_state} train=#{build.pre_release_version.version} encrypts=#{build.uses_non_exempt_encryption.inspect}"

group = Api.create_beta_group(app_id: app.id, group_name: "Friends").first
Api.add_beta_groups_to_build(build_id: build.id, beta_group_ids: [group.id])
Api.post_bulk_beta_tester_assignments(
  beta_group_id: group.id,
  beta_testers: [{ email: "grace@example.com", firstName: "Grace", lastName: "Example" }]
)
puts "testers=#{Api::BetaTester.all(filter: { betaGroups: group.id }).all_pages.flat_map(&:to_models).map(&:email).join(',')}"
texts = build.get_beta_build_localizations.first
Api.patch_beta_build_localizations(localization_id: texts.id, attributes: { whatsNew: "Faster." })
puts "texts=#{build.get_beta_build_localizations.map(&:whats_new).join(',')}"
puts "review=#{Api.post_beta_app_review_submissions(build_id: build.id).first.beta_review_state}"
puts "groups=#{app.get_beta_groups.map(&:name).join(',')}"
puts "done"
