package main

// The packages of the provider that have the types below; the whole provider takes an hour to build.
import (
	_ "github.com/hashicorp/terraform-provider-google/google/services/artifactregistry"
	_ "github.com/hashicorp/terraform-provider-google/google/services/bigquery"
	_ "github.com/hashicorp/terraform-provider-google/google/services/billingbudgets"
	_ "github.com/hashicorp/terraform-provider-google/google/services/cloudrunv2"
	_ "github.com/hashicorp/terraform-provider-google/google/services/cloudscheduler"
	_ "github.com/hashicorp/terraform-provider-google/google/services/compute"
	_ "github.com/hashicorp/terraform-provider-google/google/services/container"
	_ "github.com/hashicorp/terraform-provider-google/google/services/logging"
	_ "github.com/hashicorp/terraform-provider-google/google/services/monitoring"
	_ "github.com/hashicorp/terraform-provider-google/google/services/resourcemanager"
	_ "github.com/hashicorp/terraform-provider-google/google/services/secretmanager"
	_ "github.com/hashicorp/terraform-provider-google/google/services/storage"
)

// A type of Pulumi and the provider's type under it.
var types = map[string]string{
	"gcp:artifactregistry/repository:Repository":                   "google_artifact_registry_repository",
	"gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": "google_artifact_registry_repository_iam_member",
	"gcp:bigquery/dataset:Dataset":                                 "google_bigquery_dataset",
	"gcp:bigquery/iamMember:IamMember":                             "google_bigquery_table_iam_member",
	"gcp:bigquery/routine:Routine":                                 "google_bigquery_routine",
	"gcp:bigquery/table:Table":                                     "google_bigquery_table",
	"gcp:billing/budget:Budget":                                    "google_billing_budget",
	"gcp:cloudrunv2/job:Job":                                       "google_cloud_run_v2_job",
	"gcp:cloudrunv2/jobIamMember:JobIamMember":                     "google_cloud_run_v2_job_iam_member",
	"gcp:cloudrunv2/service:Service":                               "google_cloud_run_v2_service",
	"gcp:cloudrunv2/serviceIamMember:ServiceIamMember":             "google_cloud_run_v2_service_iam_member",
	"gcp:cloudscheduler/job:Job":                                   "google_cloud_scheduler_job",
	"gcp:compute/address:Address":                                  "google_compute_address",
	"gcp:compute/firewall:Firewall":                                "google_compute_firewall",
	"gcp:compute/network:Network":                                  "google_compute_network",
	"gcp:compute/router:Router":                                    "google_compute_router",
	"gcp:compute/routerNat:RouterNat":                              "google_compute_router_nat",
	"gcp:compute/subnetwork:Subnetwork":                            "google_compute_subnetwork",
	"gcp:container/cluster:Cluster":                                "google_container_cluster",
	"gcp:container/nodePool:NodePool":                              "google_container_node_pool",
	"gcp:logging/metric:Metric":                                    "google_logging_metric",
	"gcp:monitoring/alertPolicy:AlertPolicy":                       "google_monitoring_alert_policy",
	"gcp:monitoring/dashboard:Dashboard":                           "google_monitoring_dashboard",
	"gcp:projects/iAMMember:IAMMember":                             "google_project_iam_member",
	"gcp:projects/service:Service":                                 "google_project_service",
	"gcp:secretmanager/secretIamMember:SecretIamMember":            "google_secret_manager_secret_iam_member",
	"gcp:serviceaccount/account:Account":                           "google_service_account",
	"gcp:storage/bucket:Bucket":                                    "google_storage_bucket",
	"gcp:storage/bucketIAMMember:BucketIAMMember":                  "google_storage_bucket_iam_member",
	"gcp:storage/managedFolder:ManagedFolder":                      "google_storage_managed_folder",
	"gcp:storage/managedFolderIamMember:ManagedFolderIamMember":    "google_storage_managed_folder_iam_member",
}
